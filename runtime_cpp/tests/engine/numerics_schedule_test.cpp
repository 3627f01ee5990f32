// Schedules and what a session may choose; the sentences are those of the Python runtime.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "engine/schedule.h"
#include "lmdm/error.h"

namespace {

using lmdm::Error;

std::string refusal(const auto& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), lmdm::ErrorKind::session);
    return error.what();
  }
  return "nothing was refused";
}

TEST(Schedule, IsEvenInLogSnrBetweenItsEnds) {
  const auto levels = lmdm::logsnr_schedule(8);
  ASSERT_EQ(levels.size(), 9u);
  EXPECT_EQ(levels.front(), 1);
  EXPECT_EQ(levels.back(), 0);
  for (std::size_t i = 1; i + 1 < levels.size(); ++i) {
    EXPECT_NEAR(std::log((1 - levels[i]) / levels[i]), -6.0 + static_cast<double>(i), 1e-4);
  }
  EXPECT_NO_THROW(lmdm::require_schedule(levels));
}

TEST(Schedule, RefusesLevelsThatDoNotFall) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  using Levels = std::vector<double>;
  for (const auto& levels : {Levels{}, Levels{1}, Levels{1, 0.1}, Levels{0.5, 0.7, 0}, Levels{1, nan, 0}, Levels{1.2, 0}, Levels{nan, 0}}) {
    EXPECT_THROW(lmdm::require_schedule(levels), Error);
  }
  EXPECT_EQ(refusal([] { lmdm::require_schedule(std::vector{1.0, 0.00001}); }),
            "a schedule falls from at most 1 to exactly 0 in one step or more, found (1.0, 1e-05)");
}

TEST(Settings, KeepTheBundleUnlessTold) {
  lmdm::SamplingEntry sampling;
  sampling.schedule = {1, 0.5, 0};
  sampling.guidance = lmdm::Guidance::cfg;
  sampling.guidance_scale = 2.5;
  EXPECT_EQ(lmdm::chosen_schedule(sampling, std::nullopt), sampling.schedule);
  EXPECT_EQ(lmdm::chosen_schedule(sampling, 3).size(), 4u);
  EXPECT_EQ(lmdm::chosen_scale(sampling, std::nullopt), 2.5);
  EXPECT_EQ(lmdm::chosen_scale(sampling, 7), 7);
}

TEST(Settings, RefuseWhatCannotBe) {
  lmdm::SamplingEntry sampling;
  EXPECT_EQ(refusal([&] { (void)lmdm::chosen_schedule(sampling, 0); }), "a block takes 1 to 1000 steps, found 0");
  EXPECT_EQ(refusal([&] { (void)lmdm::chosen_schedule(sampling, 1001); }), "a block takes 1 to 1000 steps, found 1001");
  EXPECT_EQ(refusal([&] { (void)lmdm::chosen_scale(sampling, std::numeric_limits<double>::infinity()); }),
            "a guidance scale is a finite number, found inf");
  EXPECT_EQ(refusal([&] { (void)lmdm::chosen_scale(sampling, 3); }),
            "this bundle was exported without guidance and has no scale to set; export it with guidance cfg");
  EXPECT_EQ(lmdm::chosen_scale(sampling, 1), 1);
}

}  // namespace
