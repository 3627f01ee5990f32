#include "live/requests.h"

#include <algorithm>
#include <utility>

namespace lmdm::live {
namespace {

constexpr std::size_t most_requests = 256;

bool replaces(const Request& newer, const Request& older) {
  if (newer.index() != older.index()) return false;
  const auto* control = std::get_if<ControlRequest>(&newer);
  return control == nullptr || control->group == std::get<ControlRequest>(older).group;
}

}  // namespace

void Requests::post(Request request) {
  const std::scoped_lock lock(mutex_);
  std::vector<Request>& waiting = waiting_.requests;
  std::erase_if(waiting, [&](const Request& older) { return replaces(request, older); });
  if (waiting.size() == most_requests) waiting.erase(waiting.begin());
  waiting.push_back(std::move(request));
}

void Requests::post_reset() {
  const std::scoped_lock lock(mutex_);
  waiting_.reset = true;
}

Requests::Batch Requests::take() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(waiting_, {});
}

void Requests::report(std::string sentence) {
  const std::scoped_lock lock(mutex_);
  reported_ = std::move(sentence);
}

std::string Requests::reported() const {
  const std::scoped_lock lock(mutex_);
  return reported_;
}

}  // namespace lmdm::live
