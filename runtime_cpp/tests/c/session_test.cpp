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

Values played(lmdm::Generator generator) {
  const std::size_t block = generator.block_samples() * static_cast<std::size_t>(generator.channels());
  const lmdm::ModelEntry model = generator.manifest().model;
  Values values, audio(block), latents(static_cast<std::size_t>(model.latent_channels * model.block)), heard;
  const std::array<lmdm::WeightedPrompt, 2> mix{{{"fast techno with drums", 0.7}, {"jazz trio", 0.3}}};
  const std::array<std::string, 1> loudness{"loudness"};
  for (int i = 0; i < SESSION_BLOCKS; ++i) {
    if (i == 0) generator.set_prompt("slow ambient pad"), generator.set_control("loudness", std::array{0.25F});
    if (i == 1) generator.choose_sketch(loudness, 3), generator.feed_sketch(sound(0, 40));
    if (i == 2) generator.set_prompts(mix);
    if (i == 3) generator.reset(), heard = generator.prime(sound(5, SESSION_PRIMED));
    if (i == 4) generator.choose_sketch({});
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
}

Values heard_live(lmdm::Generator generator, const char* prompt) {
  lmdm::LiveOptions options;
  options.input = lmdm::InputRole::sketch;
  options.offline = true;
  lmdm::LiveProcessor processor(std::move(generator), options);
  processor.set_prompt(prompt);
  processor.prepare(SESSION_RATE, SESSION_CHANNELS, SESSION_LARGEST_CALL);
  Values values;
  for (int call = 0; call < SESSION_CALLS; ++call) {
    const auto frames = static_cast<std::size_t>(session_call_frames(call));
    Values left = sound(values.size() / SESSION_CHANNELS, frames), right = left;
    const std::array<float*, SESSION_CHANNELS> planes{left.data(), right.data()};
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
  EXPECT_EQ(values, heard_live(generator(), "slow ambient pad"));
  EXPECT_NE(values, heard_live(generator(), "jazz trio")) << "the control: another prompt";
}

INSTANTIATE_TEST_SUITE_P(Patterns, CSession, testing::Values("encoder-decoder", "block-causal"),
                         [](const auto& pattern) { return pattern.index == 0 ? "EncoderDecoder" : "BlockCausal"; });

}  // namespace
