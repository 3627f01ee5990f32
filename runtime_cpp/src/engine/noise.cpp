#include "lmdm/noise.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <utility>

namespace lmdm {
namespace {

constexpr std::uint32_t multiplier_0 = 0xD2511F53, multiplier_1 = 0xCD9E8D57;
constexpr std::uint32_t weyl_0 = 0x9E3779B9, weyl_1 = 0xBB67AE85;
constexpr int rounds = 10;

std::uint32_t low(std::uint64_t value) {
  return static_cast<std::uint32_t>(value);
}
std::uint32_t high(std::uint64_t value) {
  return static_cast<std::uint32_t>(value >> 32);
}

/// Two integers to two normals (Box and Muller 1958), in float64.
std::pair<double, double> box_muller(std::uint32_t a, std::uint32_t b) {
  constexpr double unit = 0x1p-32;
  const double radius = std::sqrt(-2.0 * std::log((a + 0.5) * unit));
  const double angle = 2.0 * std::numbers::pi * ((b + 0.5) * unit);
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

}  // namespace

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) noexcept {
  for (int round = 0; round < rounds; ++round) {
    const std::uint64_t a = std::uint64_t{counter[0]} * multiplier_0, b = std::uint64_t{counter[2]} * multiplier_1;
    counter = {high(b) ^ counter[1] ^ key[0], low(b), high(a) ^ counter[3] ^ key[1], low(a)};
    key = {key[0] + weyl_0, key[1] + weyl_1};
  }
  return counter;
}

void Noise::fill(std::uint64_t block, std::uint32_t draw, std::span<float> values) const noexcept {
  for (std::size_t start = 0; start < values.size(); start += 4) {
    const auto integers = philox4x32({low(start / 4), draw, low(block), high(block)}, {low(seed_), high(seed_)});
    const auto [z0, z1] = box_muller(integers[0], integers[1]);
    const auto [z2, z3] = box_muller(integers[2], integers[3]);
    const std::array<float, 4> four{static_cast<float>(z0), static_cast<float>(z1), static_cast<float>(z2), static_cast<float>(z3)};
    std::copy_n(four.begin(), std::min<std::size_t>(4, values.size() - start), values.begin() + static_cast<std::ptrdiff_t>(start));
  }
}

}  // namespace lmdm
