#include "engine/guidance.h"

namespace lmdm {

Guide::Guide(Guidance kind, double scale, std::size_t count)
    : kind_(kind), scale_(static_cast<float>(scale)), count_(count), guided_(kind == Guidance::none ? 0 : count) {}

std::size_t Guide::network_count() const noexcept {
  return kind_ == Guidance::none ? count_ : 2 * count_;
}

Guided Guide::operator()(std::span<const float> velocity) noexcept {
  if (kind_ == Guidance::none) {
    return {velocity, velocity};
  }
  const auto prompt = velocity.first(count_), null = velocity.subspan(count_, count_);
  for (std::size_t i = 0; i < count_; ++i) {
    guided_[i] = null[i] + scale_ * (prompt[i] - null[i]);
  }
  return {guided_, kind_ == Guidance::cfg_plus_plus ? null : std::span<const float>(guided_)};
}

}  // namespace lmdm
