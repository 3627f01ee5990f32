#include "live/resampler.h"

#include <gtest/gtest.h>

#include <random>

#include "host.h"

namespace lmdm::live::test {
namespace {

class ResamplerRates : public testing::TestWithParam<std::pair<int, int>> {};

/// Everything that comes out for input of `length` frames at `begin`, pushed in uneven pieces.
std::vector<float> converted(Resampler& resampler, std::int64_t begin, std::size_t length, double from, double lowest,
                             std::int64_t* first) {
  std::mt19937 engine(3);
  std::vector<float> made;
  resampler.restart(begin);
  for (std::size_t done = 0; done < length;) {
    const std::size_t frames = std::min(std::uniform_int_distribution<std::size_t>(1, 3000)(engine), length - done);
    const Audio input = tones(frames, from, lowest, 1, begin + static_cast<std::int64_t>(done));
    const float* planes[] = {input[0].data()};
    const std::size_t count = resampler.push(planes, frames);
    if (made.empty()) *first = resampler.output_position();
    made.insert(made.end(), resampler.output()[0], resampler.output()[0] + count);
    done += frames;
  }
  return made;
}

TEST_P(ResamplerRates, a_sine_stays_the_sine_that_it_was_at_its_time) {
  const auto [from, to] = GetParam();
  const Ratio ratio = Ratio::of(from, to);
  Resampler resampler(ratio, 1);
  const double lowest = std::min(from, to);
  // From the beginning; from where the sides do not meet; and hours later. Before each the tone is silent or cut.
  for (const std::int64_t begin : {std::int64_t{0}, std::int64_t{12345}, std::int64_t{from} * 3600 * 5 + 17}) {
    std::int64_t first = 0;
    const std::vector<float> made = converted(resampler, begin, static_cast<std::size_t>(from / 2), from, lowest, &first);
    ASSERT_EQ(first, ratio.ceil(begin));
    ASSERT_GT(made.size(), static_cast<std::size_t>(to) / 4);
    const double found = snr(made, begin == 0 ? 0 : static_cast<std::size_t>(to) / 10, [&, &to = to](std::size_t i) {
      return tone(static_cast<double>(first) + static_cast<double>(i), to, lowest, 0);
    });
    EXPECT_GT(found, 90) << "from " << begin;
  }
}

TEST_P(ResamplerRates, one_sample_of_shift_would_be_seen) {
  const auto [from, to] = GetParam();
  Resampler resampler(Ratio::of(from, to), 1);
  std::int64_t first = 0;
  const std::vector<float> made = converted(resampler, 0, static_cast<std::size_t>(from / 2), from, std::min(from, to), &first);
  const double found =
      snr(made, 0, [&, &from = from, &to = to](std::size_t i) { return tone(static_cast<double>(i) + 1, to, std::min(from, to), 0); });
  EXPECT_LT(found, 60);
}

TEST_P(ResamplerRates, holds_back_no_more_than_it_says) {
  const auto [from, to] = GetParam();
  const Ratio ratio = Ratio::of(from, to);
  const std::int64_t lag = Resampler::lag(ratio);
  Resampler resampler(ratio, 1);
  std::mt19937 engine(4);
  for (const std::int64_t begin : {std::int64_t{0}, std::int64_t{999}}) {
    resampler.restart(begin);
    std::int64_t end = ratio.ceil(begin);
    const std::vector<float> silence(3000);
    const float* planes[] = {silence.data()};
    for (int i = 0; i < 300; ++i) {
      end += static_cast<std::int64_t>(resampler.push(planes, std::uniform_int_distribution<std::size_t>(1, 3000)(engine)));
      ASSERT_GE(end, ratio.ceil(resampler.input_position() - lag));
    }
  }
}

TEST_P(ResamplerRates, flushing_gives_all_that_was_pushed) {
  const auto [from, to] = GetParam();
  const Ratio ratio = Ratio::of(from, to);
  Resampler resampler(ratio, 1);
  resampler.restart(100);
  const std::vector<float> silence(5001);
  const float* planes[] = {silence.data()};
  std::size_t count = resampler.push(planes, silence.size());
  count += resampler.flush();
  EXPECT_EQ(static_cast<std::int64_t>(count), ratio.ceil(5101) - ratio.ceil(100));
}

INSTANTIATE_TEST_SUITE_P(, ResamplerRates,
                         testing::Values(std::pair{44100, 48000}, std::pair{48000, 44100}, std::pair{44100, 96000},
                                         std::pair{192000, 44100}, std::pair{44100, 192000}, std::pair{22050, 44100},
                                         std::pair{44100, 22050}, std::pair{8000, 44100}, std::pair{44100, 8000}, std::pair{44101, 44100}),
                         [](const auto& each) { return std::to_string(each.param.first) + "_to_" + std::to_string(each.param.second); });

TEST(Resampler, copies_at_equal_rates) {
  Resampler resampler(Ratio::of(44100, 44100), 1);
  resampler.restart(77);
  const std::vector<float> samples = noise(3000, 1);
  const float* planes[] = {samples.data()};
  ASSERT_EQ(resampler.push(planes, samples.size()), samples.size());
  EXPECT_EQ(resampler.output_position(), 77);
  EXPECT_TRUE(std::equal(samples.begin(), samples.end(), resampler.output()[0]));
  EXPECT_EQ(resampler.flush(), 0U);
}

}  // namespace
}  // namespace lmdm::live::test
