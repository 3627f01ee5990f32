#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <thread>

#include "fake_source.h"
#include "host.h"

namespace lmdm::live::test {
namespace {

constexpr LiveOptions offline{InputRole::sketch, Underrun::silence, 0, true, 0};
constexpr LiveOptions offline_alone{InputRole::none, Underrun::silence, 0, true, 0};

Audio silence(std::size_t length, std::size_t channels = 1) {
  return Audio(channels, std::vector<float>(length));
}

TEST(BadSamples, in_the_input_count_as_silence) {
  for (const double rate : {44100.0, 48000.0}) {
    for (const Underrun underrun : {Underrun::silence, Underrun::dry}) {
      Processor processor(echo(format_of(1000, 44100, 2)), {InputRole::sketch, underrun, 0, true, 0});
      processor.prepare(rate, 2, 8192);
      Audio input{noise(20000, 1), noise(20000, 2)};
      const float bad[] = {NAN, INFINITY, -INFINITY, std::numeric_limits<float>::denorm_min(), 1e-40F, std::numeric_limits<float>::max()};
      for (std::size_t i = 0; i < 20000; i += 7) input[i % 2][i] = bad[i % 6];
      const Audio output = play(processor, input, random_sizes(1));
      EXPECT_TRUE(finite(output));
      EXPECT_EQ(processor.failure(), "");
    }
  }
}

TEST(BadSamples, of_a_source_are_never_heard) {
  const auto make = [](std::int64_t number, std::span<const float>, std::span<float> audio) {
    std::ranges::fill(audio, number % 2 == 0 ? NAN : std::numeric_limits<float>::max());
    for (std::size_t i = 0; i < audio.size(); i += 5) audio[i] = 0.5F;
  };
  for (const double rate : {44100.0, 96000.0}) {
    Processor processor(std::make_unique<FakeSource>(format_of(1000, 44100, 1, 0), make), offline_alone);
    processor.prepare(rate, 1, 8192);
    EXPECT_TRUE(finite(play(processor, silence(30000), fixed(512))));
  }
}

TEST(BadSamples, denormal_input_gives_no_denormal_output) {
  Processor processor(echo(format_of(1000, 44100, 1)), {InputRole::sketch, Underrun::dry, 0, true, 0});
  processor.prepare(44100, 1, 8192);
  const Audio output = play(processor, Audio(1, std::vector<float>(10000, 1e-39F)), fixed(64));
  for (const float sample : output[0]) ASSERT_NE(std::fpclassify(sample), FP_SUBNORMAL);
}

TEST(Calls, without_input_in_place_of_no_frames_and_before_prepare_are_served) {
  Processor processor(echo(format_of(1000, 44100, 2)), offline);
  std::vector<float> left(600, 3.0F), right(600, 3.0F);
  float* planes[] = {left.data(), right.data()};
  processor.process(nullptr, planes, 2, 600);
  EXPECT_EQ(left, std::vector<float>(600));
  processor.prepare(44100, 2, 512);
  for (int i = 0; i < 10; ++i) {
    processor.process(planes, planes, 2, 600);
    processor.process(nullptr, planes, 2, 600);
    processor.process(planes, planes, 2, 0);
    processor.process(planes, planes, 1, 600);
    processor.process(planes, planes, 0, 600);
  }
  EXPECT_TRUE(finite({left, right}));
}

TEST(Calls, in_place_give_what_separate_memory_gives) {
  const Audio input{noise(9000, 1), noise(9000, 2)};
  Processor apart(echo(format_of(1000, 44100, 2)), offline), same(echo(format_of(1000, 44100, 2)), offline);
  apart.prepare(44100, 2, 8192);
  same.prepare(44100, 2, 8192);
  const Audio expected = play(apart, input, fixed(3000));
  Audio found = input;
  for (std::size_t done = 0; done < 9000; done += 3000) {
    float* planes[] = {found[0].data() + done, found[1].data() + done};
    same.process(planes, planes, 2, 3000);
  }
  EXPECT_TRUE(found == expected);
}

TEST(Failure, fades_out_is_told_in_a_sentence_and_ends_with_a_reset) {
  bool broken = true;
  const auto make = [&broken](std::int64_t number, std::span<const float>, std::span<float> audio) {
    if (broken && number == 3) throw std::runtime_error("block 3 went wrong");
    std::ranges::fill(audio, 0.5F);
  };
  Processor processor(std::make_unique<FakeSource>(format_of(1000, 44100, 1, 0), make), offline_alone);
  processor.prepare(44100, 1, 512);
  Audio output = play(processor, silence(12000), fixed(512));
  EXPECT_TRUE(processor.metrics().failed);
  EXPECT_NE(processor.failure().find("block 3 went wrong"), std::string::npos);
  const auto begin = static_cast<std::size_t>(processor.latency_samples());
  output[0].erase(output[0].begin(), output[0].begin() + static_cast<std::ptrdiff_t>(begin));
  EXPECT_LT(largest_jump(output[0]), 0.01F);
  EXPECT_EQ(output[0].back(), 0.0F);

  broken = false;
  processor.reset();
  output = play(processor, silence(12000), fixed(512));
  await_blocks(processor, 1);
  output = play(processor, silence(12000), fixed(512));
  EXPECT_FALSE(processor.metrics().failed);
  EXPECT_EQ(processor.failure(), "");
  EXPECT_EQ(output[0].back(), 0.5F);
}

TEST(Failure, of_an_error_without_a_sentence_is_a_failure_too) {
  const auto make = [](std::int64_t, std::span<const float>, std::span<float>) { throw 7; };
  Processor processor(std::make_unique<FakeSource>(format_of(1000, 44100, 1, 0), make), offline_alone);
  processor.prepare(44100, 1, 512);
  play(processor, silence(4000), fixed(512));
  EXPECT_TRUE(processor.metrics().failed);
  EXPECT_NE(processor.failure(), "");
}

TEST(Ending, in_the_middle_of_a_block_cancels_it) {
  for (const bool prepare_again : {false, true}) {
    auto record = std::make_shared<Record>();
    {
      Processor processor(echo(format_of(1000, 44100, 1), record), {InputRole::sketch, Underrun::silence, 0.01, false, 0});
      processor.prepare(44100, 1, 512);
      record->hold();
      play(processor, silence(4096), fixed(512));
      record->await_waiting();
      if (prepare_again) {
        processor.prepare(48000, 1, 64);
        record->release();
        play(processor, silence(4096), fixed(64));
      }
    }
    EXPECT_FALSE(record->alive);
  }
}

TEST(Playing, off_makes_no_block_and_on_again_keeps_the_time) {
  auto record = std::make_shared<Record>();
  Processor processor(echo(format_of(1000, 44100, 1), record), offline);
  processor.prepare(44100, 1, 512);
  const Audio input = tones(60000, 44100, 22050, 1);
  int made_off = 0, made_late = 0;
  const Audio output = play(processor, input, fixed(100), [&](std::int64_t done) {
    if (done == 20000) processor.set_playing(false);
    if (done == 20200) made_off = record->made;
    if (done == 39900) made_late = record->made;
    if (done == 40000) processor.set_playing(true);
  });
  EXPECT_LE(made_late, made_off + 1);
  const auto latency = static_cast<double>(processor.latency_samples());
  for (std::size_t i = 21000; i < 40000; ++i) ASSERT_EQ(output[0][i], 0.0F) << i;
  EXPECT_GT(snr(output[0], 45000, [&](std::size_t i) { return tone(static_cast<double>(i) - latency, 44100, 22050, 0); }), 120);
  EXPECT_EQ(processor.metrics().underruns, 0U);
  EXPECT_EQ(processor.metrics().dropped_blocks, 0U);
}

TEST(Playing, a_reset_begins_the_piece_again_without_a_click) {
  const auto make = [](std::int64_t number, std::span<const float>, std::span<float> audio) {
    std::ranges::fill(audio, number < 3 ? 0.5F : -0.5F);
    if (number == 3) {
      for (std::size_t i = 0; i < 200; ++i) audio[i] = 0.5F - static_cast<float>(i) / 200;
    }
  };
  for (const double rate : {44100.0, 48000.0}) {
    auto record = std::make_shared<Record>();
    Processor processor(std::make_unique<FakeSource>(format_of(1000, 44100, 1, 0), make, record), offline_alone);
    processor.prepare(rate, 1, 512);
    Audio output = play(processor, silence(20000), fixed(100), [&](std::int64_t done) {
      if (done == 8000) processor.reset();
    });
    output[0].erase(output[0].begin(), output[0].begin() + processor.latency_samples() + 300);
    EXPECT_EQ(record->resets, 2);
    EXPECT_LT(largest_jump(output[0]), 0.03F) << rate;
    EXPECT_EQ(processor.metrics().underruns, 0U);
  }
}

TEST(Two, processors_at_once_do_not_disturb_each_other) {
  const auto run = [](float value) {
    Processor processor(std::make_unique<FakeSource>(format_of(1000, 44100, 1, 0), constant(value)), offline_alone);
    processor.prepare(44100, 1, 512);
    const auto begin = static_cast<std::ptrdiff_t>(processor.latency_samples());
    const Audio output = play(processor, silence(50000), random_sizes(static_cast<unsigned>(value * 8)));
    EXPECT_TRUE(std::all_of(output[0].begin() + begin, output[0].end(), [value](float x) { return x == value; }));
  };
  std::thread first([&] { run(0.25F); }), second([&] { run(0.75F); });
  first.join();
  second.join();
}

TEST(Offline, a_thread_that_is_woken_all_the_time_hears_all_of_its_input) {
  const Audio input{noise(3000000, 9)};
  Processor calm(echo(format_of(700, 44100, 16)), offline), woken(echo(format_of(700, 44100, 16)), offline);
  calm.prepare(44100, 1, 512);
  woken.prepare(44100, 1, 512);
  std::atomic<bool> over{false};
  std::thread waker([&] {
    while (!over) woken.request(ControlRequest{"any", {1}, 1});
  });
  const Audio output = play(woken, input, fixed(512));
  over = true;
  waker.join();
  EXPECT_EQ(output, play(calm, input, fixed(512)));
}

TEST(Priority, that_is_refused_is_reported_as_none) {
  Processor processor(std::make_unique<FakeSource>(format_of(1000, 44100, 1, 0), constant(0)), {InputRole::none, {}, 0, true, 50});
  processor.prepare(44100, 1, 512);
  play(processor, silence(4000), fixed(512));
  EXPECT_TRUE(processor.metrics().priority == 0 || processor.metrics().priority == 50);
}

/// How often the inference thread has gone to sleep; -1 where there is none.
long sleeps_of_inference_thread() {
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream name_file(task.path() / "comm"), status(task.path() / "status");
    std::string name, field;
    if (!std::getline(name_file, name) || name != "lmdm-inference") continue;
    while (status >> field) {
      if (long count = 0; field == "voluntary_ctxt_switches:" && status >> count) return count;
    }
  }
  return -1;
}

/// It is to sleep for 50 ms at a time. A slow machine only makes that longer; a thread that looks every few milliseconds has slept too
/// often, and one that spins never sleeps.
TEST(Idle, wakes_less_than_forty_times_a_second) {
  using Clock = std::chrono::steady_clock;
  for (const bool playing : {true, false}) {
    Processor processor(echo(format_of(16384)), {InputRole::sketch, Underrun::silence, 0.1, false, 0});
    processor.prepare(44100, 2, 512);
    processor.set_playing(playing);
    play(processor, silence(512, 2), fixed(512));  // and then the host calls no more
    std::this_thread::sleep_for(std::chrono::seconds(1));
    const long before = sleeps_of_inference_thread();
    ASSERT_GE(before, 0);
    const Clock::time_point start = Clock::now();
    long slept = 0;
    while (slept < 20 && Clock::now() - start < std::chrono::seconds(30)) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      slept = sleeps_of_inference_thread() - before;
    }
    ASSERT_GE(slept, 20) << "it does not sleep: " << (playing ? "playing" : "stopped");
    EXPECT_GE(Clock::now() - start, static_cast<double>(slept) * std::chrono::milliseconds(25)) << (playing ? "playing" : "stopped");
  }
}

}  // namespace
}  // namespace lmdm::live::test
