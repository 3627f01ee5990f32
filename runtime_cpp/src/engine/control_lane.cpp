#include "engine/control_lane.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/planar.h"
#include "lmdm/array.h"
#include "lmdm/error.h"

namespace lmdm {

ControlLane::ControlLane(std::size_t channels, std::size_t context, std::size_t block)
    : channels_(channels), block_(block), coming_(channels), history_(channels * context) {}

std::vector<float> ControlLane::next_block() const {
  const std::size_t length = coming_.size() / channels_;
  std::vector<float> values(channels_ * block_);
  for (std::size_t channel = 0; channel < channels_; ++channel) {
    for (std::size_t frame = 0; frame < block_; ++frame) {
      values[channel * block_ + frame] = coming_[channel * length + std::min(begun_ + frame, length - 1)];
    }
  }
  return values;
}

void ControlLane::advance() {
  slide(history_, next_block(), channels_);
  const std::size_t length = coming_.size() / channels_;
  if (length - begun_ > block_) {
    begun_ += block_;
    return;
  }
  std::vector<float> last(channels_);
  copy_columns(coming_, channels_, length - 1, last);
  follow(std::move(last));
}

void ControlLane::set(const std::string& name, std::span<const float> values, std::size_t frames) {
  if (frames == 0 || values.size() != channels_ * frames) {
    const auto size = static_cast<std::int64_t>(values.size()), count = static_cast<std::int64_t>(frames);
    const Shape shape = count > 0 && size % count == 0 ? Shape{size / count, count} : Shape{size};
    const std::string rows = std::to_string(channels_);
    throw Error(ErrorKind::session,
                "control " + name + " has shape " + to_string(shape) + ", expected [" + rows + "] or [" + rows + ", frames]");
  }
  if (!std::ranges::all_of(values, [](float value) { return std::isfinite(value); })) {
    throw Error(ErrorKind::session, "control " + name + " holds values that are not finite");
  }
  follow({values.begin(), values.end()});
}

void ControlLane::follow(std::vector<float> values) {
  coming_ = std::move(values);
  begun_ = 0;
}

void ControlLane::remember(std::vector<float> values) {
  history_ = std::move(values);
}

void ControlLane::forget() noexcept {
  std::ranges::fill(history_, 0.0F);
}

}  // namespace lmdm
