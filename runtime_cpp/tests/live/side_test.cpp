#include <gtest/gtest.h>

#include <optional>

#include "fake_source.h"
#include "host.h"

// Two inputs on one timeline: what the host gives at one time, a block hears at one time.
namespace lmdm::live::test {
namespace {

constexpr std::size_t block = 1500, lookahead = 400, length = 30000;
const LiveOptions offline{InputRole::both, Underrun::silence, 0, true, 0};

/// Two channels: the first of the input, and the last of the side input, which is heard from `lookahead` on.
std::unique_ptr<FakeSource> both_heard(int channels) {
  SourceFormat format = format_of(block, 44100, channels, 2);
  format.lookahead = lookahead;
  const auto make = [format](std::int64_t, std::span<const float> input, std::span<float> audio) {
    const std::size_t all = block + lookahead, rows = input.size() / all;
    std::copy_n(input.begin(), block, audio.begin());
    if (format.channels > 1)
      std::copy_n(input.begin() + static_cast<std::ptrdiff_t>((rows - 1) * all + lookahead), block, audio.begin() + block);
    if (format.channels == 1)
      for (std::size_t i = 0; i < block; ++i) audio[i] -= input[(rows - 1) * all + lookahead + i];
  };
  return std::make_unique<FakeSource>(format, make);
}

Audio play_both(Processor& processor, const Audio& input, const Audio* side, const Sizes& sizes, bool in_place = false) {
  Audio output = input;
  for (std::size_t done = 0; done < length;) {
    const auto frames = std::min(static_cast<std::size_t>(sizes()), length - done);
    std::vector<const float*> from, beside;
    std::vector<float*> to;
    for (std::size_t channel = 0; channel < input.size(); ++channel) {
      to.push_back(output[channel].data() + done);
      from.push_back(in_place ? to.back() : input[channel].data() + done);
      if (side != nullptr) beside.push_back((*side)[channel].data() + done);
    }
    processor.process(from.data(), side == nullptr ? nullptr : beside.data(), to.data(), static_cast<int>(input.size()),
                      static_cast<int>(frames));
    done += frames;
  }
  return output;
}

TEST(Side, both_inputs_are_locked_to_each_other_in_calls_of_every_size) {
  const Audio input{noise(length, 1), noise(length, 2)}, side{noise(length, 3), noise(length, 4)};
  for (const int frames : {1, 64, 700, 0}) {
    for (const bool in_place : {false, true}) {
      Processor processor(both_heard(2), offline);
      processor.prepare(44100, 2, 1024);
      const Audio output = play_both(processor, input, &side, frames == 0 ? random_sizes(3, 1024) : fixed(frames), in_place);
      const auto latency = static_cast<std::size_t>(processor.latency_samples());
      for (std::size_t i = latency; i < length; ++i) {
        ASSERT_EQ(output[0][i], input[0][i - latency]) << i;
        ASSERT_EQ(output[1][i], side[1][i - latency + lookahead]) << i;
      }
    }
  }
}

TEST(Side, without_one_it_is_silence) {
  const Audio input{noise(length, 1), noise(length, 2)};
  Processor processor(both_heard(2), offline);
  processor.prepare(44100, 2, 1024);
  const Audio output = play_both(processor, input, nullptr, fixed(512));
  const auto latency = static_cast<std::size_t>(processor.latency_samples());
  for (std::size_t i = latency; i < length; ++i) {
    ASSERT_EQ(output[0][i], input[0][i - latency]);
    ASSERT_EQ(output[1][i], 0.0F);
  }
}

TEST(Side, at_another_rate_takes_the_same_time_through_the_resampler) {
  SourceFormat format = format_of(block, 44100, 1, 2);
  const auto difference = [](std::int64_t, std::span<const float> input, std::span<float> audio) {
    for (std::size_t i = 0; i < block; ++i) audio[i] = input[i] - input[block + i];
  };
  for (const bool same : {true, false}) {
    Processor processor(std::make_unique<FakeSource>(format, difference), offline);
    processor.prepare(48000, 1, 1024);
    const Audio input = tones(length, 48000, 44100, 1), late = tones(length, 48000, 44100, 1, -1);
    const Audio output = play_both(processor, input, same ? &input : &late, fixed(333));
    EXPECT_EQ(std::ranges::all_of(output[0], [](float x) { return std::abs(x) < 1e-6F; }), same) << "the control is one sample late";
  }
}

TEST(Side, is_only_heard_by_who_listens_to_both) {
  const Audio input{noise(length, 1)}, side{noise(length, 2)};
  std::optional<Audio> first;
  for (const Audio* beside : {static_cast<const Audio*>(nullptr), &side}) {
    Processor processor(echo(format_of(block, 44100, 1)), {InputRole::sketch, Underrun::dry, 0, true, 0});
    processor.prepare(44100, 1, 1024);
    const Audio output = play_both(processor, input, beside, fixed(512));
    if (!first) first = output;
    EXPECT_EQ(output, *first);
  }
}

TEST(Side, bad_samples_of_it_count_as_silence) {
  const Audio input{std::vector<float>(length)};
  Audio side{std::vector<float>(length)};
  for (std::size_t i = 0; i < length; i += 7) side[0][i] = i % 2 == 0 ? NAN : INFINITY;
  Processor processor(both_heard(1), offline);
  processor.prepare(44100, 1, 1024);
  EXPECT_EQ(play_both(processor, input, &side, fixed(512)), input);
}

TEST(Side, is_never_what_is_heard_dry) {
  const Audio input{noise(length, 1)}, side{noise(length, 2)};
  auto record = std::make_shared<Record>();
  Processor processor(std::make_unique<FakeSource>(format_of(block, 44100, 1, 2), constant(1), record),
                      {InputRole::both, Underrun::dry, 0.01, false, 0});
  processor.prepare(44100, 1, 512);
  record->hold();
  const Audio output = play_both(processor, input, &side, fixed(512));
  record->release();
  const auto latency = static_cast<std::size_t>(processor.latency_samples());
  for (std::size_t i = latency; i < length; ++i) ASSERT_EQ(output[0][i], input[0][i - latency]) << i;
}

}  // namespace
}  // namespace lmdm::live::test
