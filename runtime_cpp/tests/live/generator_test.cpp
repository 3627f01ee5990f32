#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "host.h"
#include "lmdm/error.h"
#include "lmdm/live_processor.h"
#include "lmdm/onnxruntime.h"

namespace lmdm::live::test {
namespace {

/// The tiny bundles that write_bundles.py of the C ABI's tests wrote, one for each pattern; without them the test is skipped.
class LiveGenerator : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const char* const bundles = std::getenv("LMDM_TEST_BUNDLES");
    if (bundles == nullptr) GTEST_SKIP() << "no test bundles; run runtime_cpp/tests/c/write_bundles.py and set LMDM_TEST_BUNDLES";
    folder_ = std::filesystem::path(bundles) / GetParam();
  }
  [[nodiscard]] Generator generator() const {
    const Bundle bundle = Bundle::load(folder_);
    OnnxRuntimeOptions options;
    options.threads = 1;
    return Generator(bundle, make_onnxruntime_backend(bundle, options), {5, {}, {}, {}});
  }
  std::filesystem::path folder_;
};

constexpr std::size_t blocks = 12, changed_block = 5, frozen_block = 8;
constexpr double strength = 0.5;
const Tuning tuning{.seed = 77, .feedback = 0.5};
const std::string first_prompt = "slow ambient pad", second_prompt = "fast techno with drums";

std::vector<std::string> sketch_kinds(const Manifest& manifest) {
  std::vector<std::string> kinds;
  for (const ControlEntry& control : manifest.controls) {
    if (control.source == ControlSource::sketch) kinds.push_back(control.kind);
  }
  return kinds;
}

/// What the Generator alone makes of `input` by channel, with `later_prompt` and another tuning from `changed_block` on, and frozen at
/// last.
Audio alone(Generator generator, const Audio& input, const std::string& later_prompt, const Tuning& later = tuning, bool frozen = true) {
  const auto channels = static_cast<std::size_t>(generator.channels());
  const std::size_t length = generator.block_samples();
  generator.set_prompt(first_prompt);
  if (!input.empty()) {
    for (const std::string& kind : sketch_kinds(generator.manifest())) generator.set_strength(kind, strength);
    generator.choose_sketch(sketch_kinds(generator.manifest()));
  }
  Audio music(channels);
  std::vector<float> block(channels * length), heard(channels * length);
  for (std::size_t k = 0; k < blocks; ++k) {
    if (k == changed_block) generator.set_prompt(later_prompt), generator.tune(later);
    if (k == frozen_block && frozen) generator.tune({.hold_noise = true});
    if (!input.empty()) {
      const std::size_t from = frozen ? std::min(k, frozen_block - 1) : k;
      for (std::size_t c = 0; c < channels; ++c)
        std::copy_n(input[c].begin() + static_cast<std::ptrdiff_t>(from * length), length,
                    heard.begin() + static_cast<std::ptrdiff_t>(c * length));
      generator.feed_sketch(heard);
    }
    generator.next_block(block);
    for (std::size_t c = 0; c < channels; ++c) {
      music[c].insert(music[c].end(), block.begin() + static_cast<std::ptrdiff_t>(c * length),
                      block.begin() + static_cast<std::ptrdiff_t>((c + 1) * length));
    }
  }
  return music;
}

TEST_P(LiveGenerator, offline_is_the_generator_late_by_the_latency) {
  for (const bool sketched : {false, true}) {
    Generator reference = generator();
    const auto channels = static_cast<std::size_t>(reference.channels());
    const std::size_t length = reference.block_samples(), delay = reference.delay_samples();
    const double rate = reference.sample_rate();
    const std::vector<std::string> kinds = sketch_kinds(reference.manifest());
    ASSERT_FALSE(kinds.empty());
    Audio input;
    for (std::size_t c = 0; c < channels; ++c) input.push_back(noise(blocks * length, static_cast<unsigned>(c)));
    const Audio expected = alone(std::move(reference), sketched ? input : Audio{}, second_prompt);
    const Audio expected_without = alone(generator(), sketched ? Audio{} : input, sketched ? second_prompt : first_prompt);

    const Audio untuned = alone(generator(), sketched ? input : Audio{}, second_prompt, {});
    const Audio unfrozen = alone(generator(), sketched ? input : Audio{}, second_prompt, tuning, false);

    LiveProcessor live(generator(), {sketched ? InputRole::sketch : InputRole::none, Underrun::silence, 0, true, 0, true});
    live.set_prompt(first_prompt);
    if (sketched) {
      for (const std::string& kind : kinds) live.set_strength(kind, strength);
      live.choose_sketch(kinds);
    }
    live.prepare(rate, static_cast<int>(channels), 64);
    const auto latency = static_cast<std::size_t>(live.latency_samples());
    // Every block is made when its first sample is asked for, less the fade that is looked ahead.
    const std::size_t fade = latency - length - delay, change = latency - delay + changed_block * length - fade;
    Audio output(channels);
    std::vector<float> frame(channels);
    for (std::size_t i = 0; i < blocks * length; ++i) {
      if (i == change) live.set_prompt(second_prompt), live.tune({.seed = tuning.seed}), live.tune({.feedback = tuning.feedback});
      if (i == change + (frozen_block - changed_block) * length) live.set_frozen(true);
      std::vector<const float*> from;
      std::vector<float*> to;
      for (std::size_t c = 0; c < channels; ++c) from.push_back(&input[c][i]), to.push_back(&frame[c]);
      live.process(from.data(), to.data(), static_cast<int>(channels), 1);
      for (std::size_t c = 0; c < channels; ++c) output[c].push_back(frame[c]);
    }
    ASSERT_EQ(live.failure(), "");
    ASSERT_LT(latency, blocks * length / 2);
    const std::vector<BlockReport> reports = live.take_reports();
    ASSERT_FALSE(reports.empty());
    EXPECT_EQ(reports[0].begin, static_cast<std::int64_t>(latency));
    // The music is of a kind that a shift, another sketch, another prompt, tuning or freeze would change.
    EXPECT_GT(largest_jump(expected[0]), 0.0F);
    EXPECT_NE(expected[0], expected_without[0]);
    EXPECT_NE(expected[0], untuned[0]);
    EXPECT_NE(expected[0], unfrozen[0]);
    for (std::size_t c = 0; c < channels; ++c) {
      for (std::size_t i = 0; i < blocks * length; ++i) {
        ASSERT_EQ(output[c][i], i < latency ? 0.0F : expected[c][i - latency + delay]) << i;
      }
    }
  }
}

TEST_P(LiveGenerator, without_a_prompt_or_a_control_is_refused) {
  LiveProcessor live(generator());
  EXPECT_THROW(live.prepare(8000, 1, 64), Error);
  for (const InputRole role : {InputRole::accompaniment, InputRole::both})
    EXPECT_THROW(LiveProcessor(generator(), {role, {}, 0, false, 0}), Error);
}

TEST_P(LiveGenerator, in_real_time_makes_music_and_ends_at_once) {
  LiveProcessor live(generator(), {InputRole::sketch, Underrun::dry, 0, false, 10, true});
  const Manifest manifest = generator().manifest();
  live.set_prompt(first_prompt);
  live.prepare(48000, 2, 128);
  std::vector<float> left(128), right(128);
  float* planes[] = {left.data(), right.data()};
  for (int i = 0; i < 200; ++i) {
    live.process(planes, planes, 2, 128);
    live.set_frozen(i % 70 > 40);
    if (i % 9 == 0) live.tune({.seed = static_cast<std::uint64_t>(i), .feedback = 1.0 / (1 + i)});
    if (i % 11 == 0) live.set_strength(sketch_kinds(manifest).front(), 1.0 / (1 + i));
    if (i % 30 == 0) (void)live.take_reports();
    if (i % 50 == 0) live.set_prompt(i % 100 == 0 ? second_prompt : first_prompt);
    if (i % 20 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_FALSE(live.metrics().failed) << live.failure();
}

TEST_P(LiveGenerator, tells_of_a_prompt_that_is_not_read_to_its_end) {
  LiveProcessor processor(generator(), {InputRole::none, Underrun::silence, 0, true, 0});
  processor.set_prompt(second_prompt);
  processor.prepare(8000, 1, 512);
  std::vector<float> sound(1000);
  float* const output = sound.data();
  processor.process(nullptr, &output, 1, 1000);
  EXPECT_NE(processor.notice().find("tokens long and only its first"), std::string::npos) << processor.notice();
  processor.set_prompt("a");
  processor.process(nullptr, &output, 1, 1000);
  EXPECT_EQ(processor.notice(), "");
}

INSTANTIATE_TEST_SUITE_P(, LiveGenerator, testing::Values("encoder-decoder", "block-causal"),
                         [](const auto& each) { return std::string(each.param).substr(0, 5); });

}  // namespace
}  // namespace lmdm::live::test
