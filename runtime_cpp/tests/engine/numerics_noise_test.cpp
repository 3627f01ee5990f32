// The noise generator against the vectors that Random123 publishes (kat_vectors), and its addressing.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "lmdm/noise.h"

namespace {

using Counter = std::array<std::uint32_t, 4>;

TEST(Philox, MatchesPublishedVectors) {
  EXPECT_EQ(lmdm::philox4x32({0, 0, 0, 0}, {0, 0}), (Counter{0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8}));
  constexpr std::uint32_t ones = 0xFFFFFFFF;
  EXPECT_EQ(lmdm::philox4x32({ones, ones, ones, ones}, {ones, ones}), (Counter{0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD}));
  EXPECT_EQ(lmdm::philox4x32({0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344}, {0xA4093822, 0x299F31D0}),
            (Counter{0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1}));
}

TEST(Philox, SeesOneChangedBit) {
  EXPECT_NE(lmdm::philox4x32({1, 0, 0, 0}, {0, 0}), (Counter{0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8}));
}

std::vector<float> drawn(std::uint64_t seed, std::uint64_t block, std::uint32_t draw, std::size_t count) {
  std::vector<float> values(count);
  lmdm::Noise(seed).fill(block, draw, values);
  return values;
}

TEST(Noise, LengthOnlyCutsTheStream) {
  const auto whole = drawn(11, 4, 1, 21);
  for (std::size_t count = 0; count <= whole.size(); ++count) {
    const auto part = drawn(11, 4, 1, count);
    EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin()));
  }
}

TEST(Noise, EveryPartOfTheAddressMatters) {
  const auto base = drawn(1, 0, 0, 8);
  constexpr std::uint64_t carried = std::uint64_t{1} << 32;
  for (const auto& other :
       {drawn(2, 0, 0, 8), drawn(1 + carried, 0, 0, 8), drawn(1, 1, 0, 8), drawn(1, carried, 0, 8), drawn(1, 0, 1, 8)}) {
    EXPECT_NE(base, other);
  }
}

TEST(Noise, FollowsTheFormulaOfTheFormat) {
  constexpr std::uint64_t seed = (std::uint64_t{7} << 32) | 5, block = (std::uint64_t{3} << 32) | 2;
  constexpr std::uint32_t draw = 9;
  const auto integers = lmdm::philox4x32({1, draw, 2, 3}, {5, 7});
  const auto values = drawn(seed, block, draw, 8);
  for (std::size_t pair = 0; pair < 2; ++pair) {
    const double u0 = std::ldexp(integers[2 * pair] + 0.5, -32), u1 = std::ldexp(integers[2 * pair + 1] + 0.5, -32);
    const double radius = std::sqrt(-2 * std::log(u0)), angle = 2 * std::acos(-1.0) * u1;
    EXPECT_FLOAT_EQ(values[4 + 2 * pair], static_cast<float>(radius * std::cos(angle)));
    EXPECT_FLOAT_EQ(values[5 + 2 * pair], static_cast<float>(radius * std::sin(angle)));
  }
}

TEST(Noise, HasTheMomentsOfANormal) {
  double sum = 0, squares = 0, fourths = 0;
  const auto values = drawn(3, 0, 0, 200'000);
  for (const float value : values) {
    const double z = static_cast<double>(value);
    ASSERT_TRUE(std::isfinite(z));
    sum += z, squares += z * z, fourths += z * z * z * z;
  }
  const auto count = static_cast<double>(values.size());
  EXPECT_NEAR(sum / count, 0, 0.01);
  EXPECT_NEAR(squares / count, 1, 0.02);
  EXPECT_NEAR(fourths / count, 3, 0.1);
}

}  // namespace
