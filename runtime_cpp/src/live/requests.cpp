#include "live/requests.h"

#include <algorithm>
#include <utility>

namespace lmdm::live {
namespace {

constexpr std::size_t most_requests = 256;

bool replaces(const Request& newer, const Request& older) {
  if (newer.index() != older.index()) return false;
  if (const auto* control = std::get_if<ControlRequest>(&newer)) return control->group == std::get<ControlRequest>(older).group;
  if (const auto* strength = std::get_if<StrengthRequest>(&newer)) return strength->kind == std::get<StrengthRequest>(older).kind;
  return true;
}

template <class T>
void fill_in(std::optional<T>& newer, const std::optional<T>& older) {
  if (!newer) newer = older;
}

/// What an older tuning wants, where the newer wants nothing else.
void merge(TuningRequest& newer, const TuningRequest& older) {
  fill_in(newer.tuning.seed, older.tuning.seed);
  fill_in(newer.tuning.steps, older.tuning.steps);
  fill_in(newer.tuning.guidance_scale, older.tuning.guidance_scale);
  fill_in(newer.tuning.context_drop, older.tuning.context_drop);
  fill_in(newer.tuning.feedback, older.tuning.feedback);
  fill_in(newer.tuning.hold_noise, older.tuning.hold_noise);
}

}  // namespace

void Requests::post(Request request) {
  const std::scoped_lock lock(mutex_);
  std::vector<Request>& waiting = waiting_.requests;
  std::erase_if(waiting, [&](const Request& older) {
    if (!replaces(request, older)) return false;
    if (auto* tuning = std::get_if<TuningRequest>(&request)) merge(*tuning, std::get<TuningRequest>(older));
    return true;
  });
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

void Requests::note(std::string sentence) {
  const std::scoped_lock lock(mutex_);
  noted_ = std::move(sentence);
}

std::string Requests::noted() const {
  const std::scoped_lock lock(mutex_);
  return noted_;
}

}  // namespace lmdm::live
