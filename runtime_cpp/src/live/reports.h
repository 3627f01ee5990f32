#pragma once

#include <cstddef>
#include <mutex>
#include <vector>

#include "lmdm/live_processor.h"

namespace lmdm::live {

/// The newest blocks that the inference thread made, until the control thread asks for them.
class Reports {
 public:
  static constexpr std::size_t most = 64;

  /// [inference thread]
  void add(BlockReport report);
  /// [control]
  [[nodiscard]] std::vector<BlockReport> take();

 private:
  std::mutex mutex_;
  std::vector<BlockReport> made_;
};

}  // namespace lmdm::live
