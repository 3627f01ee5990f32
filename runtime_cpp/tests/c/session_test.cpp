// The sessions of session.c again, through the C++ API: both must give the same bits.
#include "session.h"

#include <algorithm>
#include <array>
#include <vector>

#include "bundles.h"
#include "lmdm/lmdm.h"

namespace {

using Values = std::vector<float>;

class CSession : public PlayedBundle {
 protected:
  lmdm::Generator generator(std::uint64_t seed = SESSION_SEED) const {
    const auto bundle = lmdm::Bundle::load(folder_);
    lmdm::OnnxRuntimeOptions options;
    options.threads = 1;
    return {bundle, lmdm::make_onnxruntime_backend(bundle, options), {seed, SESSION_STEPS, std::nullopt, std::nullopt}};
  }
};

Values sound(std::size_t first, std::size_t count) {
  Values values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = session_sound(first + i);
  return values;
}

/// What steers the last block; `feedback` is seen by the one after it alone.
lmdm::Tuning tuning(double feedback) {
  return {.seed = SESSION_SEED + 3, .steps = 2, .guidance_scale = 2.5, .context_drop = 1, .feedback = feedback, .hold_noise = true};
}

Values played(lmdm::Generator generator, const lmdm::Tuning& last = tuning(0.5), double strength = 0.5) {
  const std::size_t block = generator.block_samples() * static_cast<std::size_t>(generator.channels());
  const lmdm::ModelEntry model = generator.manifest().model;
  Values values, audio(block), latents(static_cast<std::size_t>(model.latent_channels * model.block)), heard;
  const std::array<lmdm::WeightedPrompt, 2> mix{{{"fast techno with drums", 0.7}, {"jazz trio", 0.3}}};
  const std::array<std::string, 1> loudness{"loudness"};
  for (int i = 0; i < SESSION_BLOCKS; ++i) {
    if (i == 0) generator.set_prompt("slow ambient pad"), generator.set_control("loudness", std::array{0.25F});
    if (i == 1) generator.choose_sketch(loudness, 3), generator.feed_sketch(sound(0, 40)), generator.set_strength("loudness", strength);
    if (i == 2) generator.set_prompts(mix);
    if (i == 3) generator.reset(), heard = generator.prime(sound(5, SESSION_PRIMED));
    if (i == 4) generator.tune(last), generator.set_prompt("jazz trio"), generator.choose_sketch({});
    generator.next_block(audio);
    values.insert(values.end(), audio.begin(), audio.end());
  }
  values.insert(values.end(), heard.begin(), heard.end());
  generator.next_latents(latents);
  values.insert(values.end(), latents.begin(), latents.end());
  return values;
}

TEST_P(CSession, GeneratorGivesTheBitsOfTheCppApi) {
  Values values(4096);
  values.resize(play_generator(folder_.c_str(), values.data(), values.size()));
  ASSERT_FALSE(values.empty());
  EXPECT_EQ(values, played(generator()));
  EXPECT_NE(values, played(generator(SESSION_SEED + 1))) << "the control: another seed";
  EXPECT_NE(values, played(generator(), tuning(0.5), 0.25)) << "the control: another strength";
  for (auto lose : std::initializer_list<void (*)(lmdm::Tuning&)>{
           [](lmdm::Tuning& less) { less.seed.reset(); }, [](lmdm::Tuning& less) { less.steps.reset(); },
           [](lmdm::Tuning& less) { less.guidance_scale.reset(); }, [](lmdm::Tuning& less) { less.context_drop.reset(); },
           [](lmdm::Tuning& less) { less.feedback.reset(); }, [](lmdm::Tuning& less) { less.hold_noise.reset(); }}) {
    lmdm::Tuning less = tuning(0.5);
    lose(less);
    EXPECT_NE(values, played(generator(), less)) << "the control: a field that got lost";
  }
}

struct Live {
  const char* prompt = "slow ambient pad";
  double strength = 0.75, feedback = 0;
  int frozen = SESSION_FROZEN;  ///< call from which on
};

Values heard_live(lmdm::Generator generator, const Live& live = {}) {
  lmdm::LiveOptions options;
  options.input = lmdm::InputRole::sketch;
  options.offline = true;
  lmdm::LiveProcessor processor(std::move(generator), options);
  processor.set_prompt(live.prompt);
  processor.choose_sketch({"loudness"});
  processor.set_strength("loudness", live.strength);
  processor.tune({.feedback = live.feedback});
  processor.prepare(SESSION_RATE, SESSION_CHANNELS, SESSION_LARGEST_CALL);
  Values values;
  for (int call = 0; call < SESSION_CALLS; ++call) {
    const auto frames = static_cast<std::size_t>(session_call_frames(call));
    Values left = sound(values.size() / SESSION_CHANNELS, frames), right = left;
    const std::array<float*, SESSION_CHANNELS> planes{left.data(), right.data()};
    processor.set_frozen(call >= live.frozen);
    processor.process(planes.data(), planes.data(), SESSION_CHANNELS, static_cast<int>(frames));
    for (std::size_t i = 0; i < frames; ++i) values.push_back(left[i]), values.push_back(right[i]);
  }
  return values;
}

TEST_P(CSession, ProcessorGivesTheBitsOfTheCppApi) {
  Values values(8192);
  values.resize(play_live(folder_.c_str(), values.data(), values.size()));
  ASSERT_FALSE(values.empty());
  EXPECT_TRUE(std::any_of(values.begin(), values.end(), [](float value) { return value != 0; })) << "there is something to hear";
  EXPECT_EQ(values, heard_live(generator()));
  EXPECT_NE(values, heard_live(generator(), {.prompt = "jazz trio"})) << "the control: another prompt";
  EXPECT_NE(values, heard_live(generator(), {.strength = 1})) << "the control: another strength";
  EXPECT_NE(values, heard_live(generator(), {.feedback = 1})) << "the control: another feedback";
  EXPECT_NE(values, heard_live(generator(), {.frozen = SESSION_CALLS})) << "the control: never frozen";
}

INSTANTIATE_TEST_SUITE_P(Patterns, CSession, testing::Values("encoder-decoder", "block-causal"),
                         [](const auto& pattern) { return pattern.index == 0 ? "EncoderDecoder" : "BlockCausal"; });

}  // namespace
