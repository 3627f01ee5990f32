#include <gtest/gtest.h>

#include "fake_source.h"
#include "host.h"

namespace lmdm::live::test {
namespace {

constexpr int call = 100;
constexpr std::size_t block = 2000;
constexpr double frequency = 100;

/// A slow sine, whose largest step from sample to sample is 0.0072; a fade of 5 ms adds 0.0036.
float slow(double position) {
  return static_cast<float>(0.5 * std::sin(2 * std::numbers::pi * frequency * position / 44100));
}
constexpr float no_click = 0.02F;

Audio slow_sine(std::size_t length) {
  Audio audio(1, std::vector<float>(length));
  for (std::size_t i = 0; i < length; ++i) audio[0][i] = slow(static_cast<double>(i));
  return audio;
}

/// A processor in virtual time: every block is made at once, except while its source is held.
class Underruns : public testing::TestWithParam<Underrun> {
 protected:
  Underruns() : record_(std::make_shared<Record>()) {
    processor_ =
        std::make_unique<Processor>(echo(format_of(block, 44100, 1), record_), LiveOptions{InputRole::sketch, GetParam(), 0.01, false, 0});
    processor_->prepare(44100, 1, call);
  }

  /// Plays, and holds the source from one host position to another.
  Audio play_held(std::size_t length, std::int64_t from, std::int64_t to) {
    return play(*processor_, slow_sine(length), fixed(call), [=, this](std::int64_t done) {
      if (done == from) record_->hold();
      if (done == to) record_->release();
      if (done < from || done >= to) await_blocks(*processor_, static_cast<std::uint64_t>(done) / block);
    });
  }
  [[nodiscard]] double latency() const { return static_cast<double>(processor_->latency_samples()); }

  std::shared_ptr<Record> record_;
  std::unique_ptr<Processor> processor_;
};

TEST_P(Underruns, none_where_every_block_is_in_time) {
  const Audio output = play_held(40000, -1, -1);
  EXPECT_EQ(processor_->metrics().underruns, 0U);
  EXPECT_EQ(processor_->metrics().underrun_samples, 0U);
  EXPECT_EQ(processor_->metrics().dropped_blocks, 0U);
  EXPECT_EQ(processor_->metrics().blocks, 20U);
  EXPECT_GT(snr(output[0], static_cast<std::size_t>(latency()), [&](std::size_t i) { return slow(static_cast<double>(i) - latency()); }),
            120);
}

TEST_P(Underruns, one_late_block_is_one_underrun_without_a_click_and_nothing_shifts) {
  // The block whose input ends at 20000 is due at 22762 less its fade; it comes 800 samples too late, in the middle of its time.
  const Audio output = play_held(60000, 19000, 23600);
  const LiveMetrics metrics = processor_->metrics();
  EXPECT_EQ(metrics.underruns, 1U);
  EXPECT_GT(metrics.underrun_samples, 0U);
  EXPECT_EQ(metrics.blocks + metrics.dropped_blocks, 30U);
  EXPECT_LT(largest_jump(output[0]), no_click);
  const auto expected = [&](std::size_t i) { return slow(static_cast<double>(i) - latency()); };
  EXPECT_GT(snr(output[0], 34000, expected), 120);
}

TEST_P(Underruns, many_late_blocks_are_dropped_and_counted) {
  const Audio output = play_held(90000, 19000, 50000);
  const LiveMetrics metrics = processor_->metrics();
  EXPECT_EQ(metrics.underruns, 1U);
  EXPECT_GE(metrics.dropped_blocks, 10U);
  EXPECT_EQ(metrics.blocks + metrics.dropped_blocks, 45U);
  EXPECT_GT(metrics.underrun_samples, 20000U);
  EXPECT_LT(largest_jump(output[0]), no_click);
  EXPECT_GT(snr(output[0], 64000, [&](std::size_t i) { return slow(static_cast<double>(i) - latency()); }), 120);
}

TEST_P(Underruns, what_is_heard_meanwhile_is_dry_of_the_same_time_or_silence) {
  const Audio output = play_held(50000, 19000, 50000);
  for (std::size_t i = 30000; i < 50000; ++i) {
    ASSERT_EQ(output[0][i], GetParam() == Underrun::dry ? slow(static_cast<double>(i) - latency()) : 0.0F) << i;
  }
}

TEST_P(Underruns, input_that_does_not_fit_is_lost_and_what_follows_keeps_its_time) {
  // Three times what the ring of the input holds.
  const Audio output = play_held(300000, 19000, 240000);
  EXPECT_EQ(processor_->metrics().underruns, 1U);
  EXPECT_GT(snr(output[0], 260000, [&](std::size_t i) { return slow(static_cast<double>(i) - latency()); }), 120);
}

TEST_P(Underruns, counters_begin_again_with_a_reset) {
  play_held(40000, 19000, 30000);
  ASSERT_EQ(processor_->metrics().underruns, 1U);
  processor_->reset();
  EXPECT_EQ(processor_->metrics().underruns, 0U);
  EXPECT_EQ(processor_->metrics().underrun_samples, 0U);
}

INSTANTIATE_TEST_SUITE_P(, Underruns, testing::Values(Underrun::silence, Underrun::dry),
                         [](const auto& each) { return each.param == Underrun::dry ? "dry" : "silence"; });

TEST(LateMusic, at_another_rate_keeps_its_time) {
  auto record = std::make_shared<Record>();
  Processor processor(echo(format_of(block, 44100, 1), record), {InputRole::sketch, Underrun::silence, 0.01, false, 0});
  processor.prepare(48000, 1, call);
  Audio input(1, std::vector<float>(120000));
  for (std::size_t i = 0; i < input[0].size(); ++i) input[0][i] = slow(static_cast<double>(i) * 44100 / 48000);
  const auto latency = static_cast<double>(processor.latency_samples());
  const Audio output = play(processor, input, fixed(call), [&](std::int64_t done) {
    if (done == 30000) record->hold();
    if (done == 60000) record->release();
    // Less what the resampler may hold back, and it has not come to the deadline yet.
    if (done < 30000 || done >= 60000)
      await_blocks(processor, static_cast<std::uint64_t>(std::max<std::int64_t>(0, done * 441 / 480 - 1100)) / block);
  });
  EXPECT_GE(processor.metrics().dropped_blocks, 1U);
  EXPECT_LT(largest_jump(output[0]), no_click);
  EXPECT_GT(snr(output[0], 80000, [&](std::size_t i) { return slow((static_cast<double>(i) - latency) * 44100 / 48000); }), 85);
}

}  // namespace
}  // namespace lmdm::live::test
