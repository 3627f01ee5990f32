#include "live/reports.h"

#include <utility>

namespace lmdm::live {

void Reports::add(BlockReport report) {
  const std::scoped_lock lock(mutex_);
  if (made_.size() == most) made_.erase(made_.begin());
  made_.push_back(std::move(report));
}

std::vector<BlockReport> Reports::take() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(made_, {});
}

}  // namespace lmdm::live
