#include "live/timed_ring.h"

#include <gtest/gtest.h>

#include <random>
#include <thread>
#include <vector>

namespace lmdm::live {
namespace {

/// Frames whose values tell their position.
std::vector<float> told(std::int64_t position, std::size_t frames) {
  std::vector<float> values(frames);
  for (std::size_t i = 0; i < frames; ++i) values[i] = static_cast<float>((position + static_cast<std::int64_t>(i)) % 8388608);
  return values;
}

bool put(TimedRing& ring, std::int64_t position, std::size_t frames, bool seam = false) {
  const std::vector<float> values = told(position, frames);
  const float* planes[] = {values.data()};
  return ring.write(position, planes, frames, seam);
}

std::vector<float> get(TimedRing& ring, std::size_t frames) {
  std::vector<float> values(frames);
  float* planes[] = {values.data()};
  ring.read(planes, frames);
  return values;
}

TEST(TimedRing, keeps_positions_over_holes_and_seams) {
  TimedRing ring(1, 64);
  ASSERT_TRUE(put(ring, 1000, 10));
  ASSERT_TRUE(put(ring, 1010, 5));
  ASSERT_TRUE(put(ring, 1020, 7));
  ASSERT_TRUE(put(ring, 1027, 3, true));
  TimedRing::Run run = ring.front();
  EXPECT_EQ(run.position, 1000);
  EXPECT_EQ(run.frames, 15U);
  EXPECT_FALSE(run.seam);
  EXPECT_EQ(get(ring, 15), told(1000, 15));
  run = ring.front();
  EXPECT_EQ(run.position, 1020);
  EXPECT_EQ(run.frames, 7U);
  EXPECT_TRUE(run.seam);
  run = ring.seek(1025);
  EXPECT_EQ(run.position, 1025);
  EXPECT_EQ(run.frames, 2U);
  run = ring.seek(1029);
  EXPECT_EQ(run.position, 1029);
  EXPECT_EQ(run.frames, 1U);
  EXPECT_EQ(ring.seek(5000).frames, 0U);
}

TEST(TimedRing, seek_shows_what_comes_later) {
  TimedRing ring(1, 64);
  ASSERT_TRUE(put(ring, 50, 4));
  const TimedRing::Run run = ring.seek(40);
  EXPECT_EQ(run.position, 50);
  EXPECT_EQ(run.frames, 4U);
}

TEST(TimedRing, takes_all_or_nothing) {
  TimedRing ring(1, 16);
  EXPECT_TRUE(put(ring, 0, 10));
  EXPECT_FALSE(put(ring, 10, 7));
  EXPECT_EQ(ring.front().position, 0);
  EXPECT_EQ(get(ring, 10), told(0, 10));
  EXPECT_TRUE(put(ring, 20, 16));
  EXPECT_EQ(ring.front().position, 20);
  EXPECT_EQ(get(ring, 16), told(20, 16));
}

TEST(TimedRing, refuses_more_breaks_than_it_can_remember) {
  TimedRing ring(1, 1024);
  int taken = 0;
  while (put(ring, 2 * taken, 1)) ++taken;
  EXPECT_EQ(taken, 64);
  for (int i = 0; i < taken; ++i) {
    EXPECT_EQ(ring.front().position, 2 * i);
    EXPECT_EQ(get(ring, 1), told(2 * i, 1));
  }
  EXPECT_TRUE(put(ring, 4000, 1));
}

TEST(TimedRing, two_threads_agree_on_every_frame) {
  TimedRing ring(2, 1000);
  constexpr std::int64_t end = 300000, begin = (std::int64_t{1} << 32U) - end / 2;
  std::thread writer([&] {
    std::mt19937 engine(1);
    for (std::int64_t position = begin; position < begin + end;) {
      const auto frames = std::uniform_int_distribution<std::size_t>(1, 300)(engine);
      if (engine() % 8 == 0) position += static_cast<std::int64_t>(frames);
      const std::vector<float> values = told(position, frames);
      const float* planes[] = {values.data(), values.data()};
      while (!ring.write(position, planes, frames, engine() % 16 == 0)) std::this_thread::yield();
      position += static_cast<std::int64_t>(frames);
    }
  });
  std::int64_t last = begin - 1;
  std::mt19937 engine(2);
  std::vector<float> left(300), right(300);
  while (last < begin + end - 1) {
    const TimedRing::Run run = ring.front();
    if (run.frames == 0) {
      std::this_thread::yield();
      continue;
    }
    ASSERT_GT(run.position, last);
    const std::size_t frames = std::min(run.frames, std::uniform_int_distribution<std::size_t>(1, 300)(engine));
    float* planes[] = {left.data(), right.data()};
    ring.read(planes, frames);
    const std::vector<float> expected = told(run.position, frames);
    for (std::size_t i = 0; i < frames; ++i) ASSERT_TRUE(left[i] == expected[i] && right[i] == expected[i]) << run.position;
    last = run.position + static_cast<std::int64_t>(frames) - 1;
    if (last >= begin + end - 301 && ring.front().frames == 0) break;
  }
  writer.join();
}

}  // namespace
}  // namespace lmdm::live
