#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace lmdm::live {

/// The sample, or 0 where it is not finite, a denormal, or so large (2^64 and beyond) that arithmetic with it would not stay finite.
[[nodiscard]] inline float sane(float sample) noexcept {
  const std::uint32_t exponent = std::bit_cast<std::uint32_t>(sample) >> 23U & 0xffU;
  return exponent - 1 < 127 + 64 - 1 ? sample : 0.0F;
}

/// Copies sane samples; `from` and `to` may be the same.
inline void copy_sane(const float* from, float* to, std::size_t count) noexcept {
  for (std::size_t i = 0; i < count; ++i) to[i] = sane(from[i]);
}

}  // namespace lmdm::live
