#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "lmdm/manifest.h"

namespace lmdm {

/// Guided velocities [C, o]: `v` denoises, `v_renoise` leads back to the next level (the null velocity under CFG++, else `v`).
struct Guided {
  std::span<const float> v;
  std::span<const float> v_renoise;
};

/// Network velocity [batch, C, o], batch 2 = prompt then null, to guided velocities (paper App. B, below eq. 8, and eq. 10).
class Guide {
 public:
  /// `count` is C * o.
  Guide(Guidance kind, double scale, std::size_t count);

  void set_scale(double scale) noexcept { scale_ = static_cast<float>(scale); }
  /// Values to hand to the network for its velocity: 2 * count with guidance, count without.
  [[nodiscard]] std::size_t network_count() const noexcept;
  /// Valid until the next call, and as long as `velocity` is. Never allocates.
  [[nodiscard]] Guided operator()(std::span<const float> velocity) noexcept;

 private:
  Guidance kind_;
  float scale_;
  std::size_t count_;
  std::vector<float> guided_;
};

}  // namespace lmdm
