#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <tuple>

#include "fake_source.h"
#include "host.h"

namespace lmdm::live::test {
namespace {

constexpr LiveOptions offline{InputRole::sketch, Underrun::silence, 0, true, 0};

Sizes sizes_of(int frames) {
  return frames > 0 ? fixed(frames) : random_sizes(5);
}

class Alignment : public testing::TestWithParam<std::tuple<int, int>> {};

/// Frame 0 stands for a size that changes at every call.
TEST_P(Alignment, output_answers_the_input_of_exactly_one_latency_ago) {
  const auto [rate, frames] = GetParam();
  SourceFormat format = format_of(3000);
  format.delay = 700;
  Processor processor(echo(format), offline);
  processor.prepare(rate, 2, 8192);
  const std::int64_t latency = processor.latency_samples();
  const auto length = static_cast<std::size_t>(latency) + static_cast<std::size_t>(rate) / 2;
  const double lowest = std::min(rate, 44100);
  const Audio output = play(processor, tones(length, rate, lowest, 2), sizes_of(frames));
  for (int channel = 0; channel < 2; ++channel) {
    const std::vector<float>& found = output[static_cast<std::size_t>(channel)];
    for (std::size_t i = 0; i < static_cast<std::size_t>(latency); ++i) ASSERT_EQ(found[i], 0.0F) << i;
    const auto expected = [&, &rate = rate](std::size_t i) {
      return tone(static_cast<double>(i) - static_cast<double>(latency), rate, lowest, channel);
    };
    EXPECT_GT(snr(found, static_cast<std::size_t>(latency), expected), rate == 44100 ? 200 : 85);
  }
  EXPECT_EQ(processor.metrics().underruns, 0U);
  EXPECT_EQ(processor.failure(), "");
}

INSTANTIATE_TEST_SUITE_P(, Alignment,
                         testing::Combine(testing::Values(22050, 44100, 48000, 96000, 192000),
                                          testing::Values(1, 7, 64, 480, 512, 8192, 0)),
                         [](const auto& each) {
                           const int frames = std::get<1>(each.param);
                           return std::to_string(std::get<0>(each.param)) + "_by_" + (frames > 0 ? std::to_string(frames) : "random");
                         });

TEST(Latency, at_the_model_s_rate_is_block_delay_and_fade_alone) {
  SourceFormat format = format_of(4096);
  format.delay = 512;
  format.lookahead = 1024;
  Processor processor(echo(format), offline);
  processor.prepare(44100, 2, 512);
  EXPECT_EQ(processor.latency_samples(), 4096 + 512 + 1024 + 221);
}

TEST(Latency, in_real_time_adds_the_margin_and_one_call) {
  LiveOptions options{InputRole::sketch, Underrun::silence, 0.02, false, 0};
  Processor processor(echo(format_of(4096)), options);
  processor.prepare(44100, 2, 512);
  EXPECT_EQ(processor.latency_samples(), 4096 + 221 + 882 + 512);
}

TEST(Latency, a_measured_margin_is_at_most_a_block_and_leaves_the_piece_at_its_beginning) {
  auto record = std::make_shared<Record>();
  Processor processor(echo(format_of(4096), record), {InputRole::sketch, Underrun::silence, 0, false, 0});
  processor.prepare(44100, 2, 512);
  EXPECT_LE(processor.latency_samples(), 4096 + 221 + 4096 + 512);
  EXPECT_GT(processor.latency_samples(), 4096 + 221 + 512);
  EXPECT_GE(record->made, 2);
  EXPECT_EQ(record->resets, 2);
}

TEST(Latency, extreme_rates_work) {
  for (const double rate : {8000.0, 11025.0, 44100.5, 47952.047952, 384000.0, 768000.0}) {
    Processor processor(echo(format_of(3000)), offline);
    processor.prepare(rate, 1, 8192);
    const std::int64_t latency = processor.latency_samples();
    const auto length = static_cast<std::size_t>(latency) + static_cast<std::size_t>(rate / 4);
    const double lowest = std::min(rate, 44100.0);
    const Audio output = play(processor, tones(length, rate, lowest, 1), fixed(1000));
    const auto expected = [&](std::size_t i) { return tone(static_cast<double>(i) - static_cast<double>(latency), rate, lowest, 0); };
    EXPECT_GT(snr(output[0], static_cast<std::size_t>(latency), expected), 80) << rate;
  }
}

TEST(Latency, rates_and_channels_that_no_host_has_are_refused) {
  Processor processor(echo(format_of(1000)), offline);
  EXPECT_THROW(processor.prepare(7999, 2, 512), Error);
  EXPECT_THROW(processor.prepare(800000, 2, 512), Error);
  EXPECT_THROW(processor.prepare(NAN, 2, 512), Error);
  EXPECT_THROW(processor.prepare(48000, 0, 512), Error);
}

TEST(Latency, without_input_blocks_follow_the_clock) {
  const auto ramp = [](std::int64_t block, std::span<const float>, std::span<float> audio) {
    for (std::size_t i = 0; i < 1000; ++i) audio[i] = static_cast<float>(1000 * block + static_cast<std::int64_t>(i)) / 16384;
  };
  Processor processor(std::make_unique<FakeSource>(format_of(1000, 44100, 1, 0), ramp), {InputRole::none, {}, 0, true, 0});
  processor.prepare(44100, 1, 512);
  const auto latency = static_cast<std::size_t>(processor.latency_samples());
  const Audio output = play(processor, Audio(1, std::vector<float>(8000)), random_sizes(9));
  for (std::size_t i = latency; i < 8000; ++i) ASSERT_EQ(output[0][i], static_cast<float>(i - latency) / 16384);
}

TEST(Offline, output_does_not_depend_on_the_sizes_of_calls_nor_on_the_run) {
  std::optional<Audio> first;
  for (const int frames : {1, 37, 512, 8192, 0, 0}) {
    Processor processor(echo(format_of(2500)), offline);
    processor.prepare(48000, 2, 8192);
    const Audio output = play(processor, {noise(60000, 1), noise(60000, 2)}, sizes_of(frames));
    if (!first) first = output;
    ASSERT_TRUE(output == *first) << frames;
  }
}

TEST(Offline, a_request_takes_effect_at_the_same_place_whatever_the_sizes_of_calls) {
  std::optional<Audio> first;
  for (const int frames : {16, 64, 1024}) {
    float level = 0.25F;
    auto record = std::make_shared<Record>();
    const auto make = [&level, record](std::int64_t, std::span<const float>, std::span<float> audio) {
      for (const Request& request : record->requests()) level = std::get<ControlRequest>(request).values.at(0);
      std::ranges::fill(audio, level);
    };
    Processor processor(std::make_unique<FakeSource>(format_of(1500, 44100, 1, 0), make, record), {InputRole::none, {}, 0, true, 0});
    processor.prepare(44100, 1, 1024);
    const Audio output = play(processor, Audio(1, std::vector<float>(20480)), fixed(frames), [&](std::int64_t done) {
      if (done == 7168) processor.request(ControlRequest{"level", {0.75F}, 1});
    });
    if (!first) first = output;
    EXPECT_TRUE(std::ranges::find(output[0], 0.75F) != output[0].end());
    ASSERT_TRUE(output == *first) << frames;
  }
}

TEST(Positions, a_timeline_beyond_32_bits_is_as_exact_as_a_new_one) {
  for (const int rate : {44100, 48000}) {
    // Across 2^32 host samples, which is a day at these rates.
    const std::int64_t start = (std::int64_t{1} << 32U) - 20000;
    Processor processor(echo(format_of(3000)), offline);
    processor.prepare(rate, 1, 8192, start);
    const std::int64_t latency = processor.latency_samples();
    const Audio input = tones(60000, rate, 44100, 1, 0);
    const Audio output = play(processor, input, random_sizes(2));
    // The first block begins at the first multiple of a block, up to 3000 model samples behind the start.
    const auto begin = static_cast<std::size_t>(latency) + 3500;
    const auto expected = [&](std::size_t i) { return tone(static_cast<double>(i) - static_cast<double>(latency), rate, 44100, 0); };
    EXPECT_GT(snr(output[0], begin + 1000, expected), rate == 44100 ? 200 : 85) << rate;
  }
}

struct Mapping {
  int model, host;
};
class Channels : public testing::TestWithParam<Mapping> {};

TEST_P(Channels, are_copied_or_averaged) {
  const auto [model, host] = GetParam();
  Processor processor(echo(format_of(1000, 44100, model)), offline);
  processor.prepare(44100, host, 512);
  Audio input;
  for (int channel = 0; channel < host; ++channel) input.push_back(noise(6000, static_cast<unsigned>(channel)));
  const Audio output = play(processor, input, fixed(512));
  const auto latency = static_cast<std::size_t>(processor.latency_samples());
  for (std::size_t i = latency; i < 6000; ++i) {
    std::vector<float> heard(static_cast<std::size_t>(model));
    float mean = 0;
    for (const auto& channel : input) mean += channel[i - latency] / static_cast<float>(host);
    for (std::size_t m = 0; m < heard.size(); ++m) heard[m] = model == 1 ? mean : input[m % input.size()][i - latency];
    for (std::size_t h = 0; h < output.size(); ++h) {
      const float expected = host == 1 && model == 2 ? (heard[0] + heard[1]) / 2 : heard[h % heard.size()];
      ASSERT_NEAR(output[h][i], expected, 1e-6) << h;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, Channels,
                         testing::Values(Mapping{1, 1}, Mapping{1, 2}, Mapping{2, 1}, Mapping{2, 2}, Mapping{1, 5}, Mapping{2, 4}),
                         [](const auto& each) {
                           return "model_" + std::to_string(each.param.model) + "_host_" + std::to_string(each.param.host);
                         });

}  // namespace
}  // namespace lmdm::live::test
