#include "live/ratio.h"

#include <gtest/gtest.h>

#include <random>

namespace lmdm::live {
namespace {

__extension__ using Wide = __int128;

/// floor(position * to / from) with integers that cannot overflow here.
std::int64_t wide_floor(std::int64_t position, std::int64_t from, std::int64_t to) {
  const Wide product = static_cast<Wide>(position) * to;
  return static_cast<std::int64_t>(product >= 0 ? product / from : -((-product + from - 1) / from));
}

TEST(Ratio, is_exact_for_years_at_any_rate) {
  std::mt19937_64 engine(1);
  const std::int64_t years = std::int64_t{768000} * 3600 * 24 * 365 * 3;
  std::uniform_int_distribution<std::int64_t> positions(-100000, years);
  for (const auto& [from, to] :
       {std::pair{44100, 48000}, {48000, 44100}, {44100, 44101}, {768000, 44100}, {8000, 44100}, {44100, 767999}}) {
    const Ratio ratio = Ratio::of(from, to);
    for (int i = 0; i < 2000; ++i) {
      const std::int64_t position = positions(engine);
      ASSERT_EQ(ratio.floor(position), wide_floor(position, from, to)) << position;
      ASSERT_EQ(ratio.ceil(position), -wide_floor(-position, from, to)) << position;
    }
  }
}

TEST(Ratio, meeting_is_where_both_sides_have_a_sample) {
  for (const std::int64_t position : {std::int64_t{-1000}, std::int64_t{0}, std::int64_t{146}, std::int64_t{147}, std::int64_t{1} << 33}) {
    const Ratio ratio = Ratio::of(44100, 48000);
    const std::int64_t meeting = ratio.meeting(position);
    EXPECT_LE(meeting, position);
    EXPECT_LT(position - meeting, 147);
    EXPECT_EQ(ratio.floor(meeting), ratio.ceil(meeting));
  }
}

TEST(Ratio, rates_without_a_short_period_meet_nearly) {
  const Ratio ratio = Ratio::of(44100, 47952.047);
  const std::int64_t position = 1234567890123, meeting = ratio.meeting(position);
  EXPECT_LE(position - meeting, 4096);
  const double exact = static_cast<double>(meeting % 44100000) * 47952047 / 44100000;
  EXPECT_LT(exact - std::floor(exact), 1e-3);
}

}  // namespace
}  // namespace lmdm::live
