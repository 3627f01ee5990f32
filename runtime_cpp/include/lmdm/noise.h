#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "lmdm/export.h"

namespace lmdm {

/// Ten rounds of Philox 4x32 (Salmon et al. 2011).
[[nodiscard]] LMDM_EXPORT std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                                                  std::array<std::uint32_t, 2> key) noexcept;

/// Standard normals addressed by block and draw, so that nothing depends on what was drawn before; the integers are those of the
/// Python runtime bit for bit (docs/bundle.md, Noise).
class LMDM_EXPORT Noise {
 public:
  explicit Noise(std::uint64_t seed) noexcept : seed_(seed) {}
  /// Fills `values` row by row; draw 0 starts the block, draw j is the fresh noise after step j.
  void fill(std::uint64_t block, std::uint32_t draw, std::span<float> values) const noexcept;

 private:
  std::uint64_t seed_;
};

}  // namespace lmdm
