// A session that is asked for what cannot be: null pointers, short buffers, bad sizes and settings. It answers in sentences and plays on.
// Worth most under AddressSanitizer.
#include "misuse.h"

#include <cmath>
#include <string>
#include <thread>
#include <vector>

#include "bundles.h"

namespace {

class Played : public PlayedBundle {
 protected:
  void SetUp() override {
    PlayedBundle::SetUp();
    if (IsSkipped()) return;
    ASSERT_EQ(lmdm_bundle_load(folder_.c_str(), &bundle_, error, error_size), LMDM_OK) << error;
    lmdm_generator_options options{};
    options.struct_size = sizeof options;
    options.threads = 1;
    ASSERT_EQ(lmdm_generator_create(bundle_, &options, &generator_, error, error_size), LMDM_OK) << error;
    info_.struct_size = sizeof info_;
    ASSERT_EQ(lmdm_generator_get_info(generator_, &info_, error, error_size), LMDM_OK);
    audio_.resize(info_.block_samples * static_cast<std::size_t>(info_.channels));
    latents_.resize(static_cast<std::size_t>(info_.latent_channels * info_.block_frames));
  }
  void TearDown() override {
    lmdm_generator_free(generator_);
    lmdm_bundle_free(bundle_);
  }
  void expect_music() {
    EXPECT_EQ(lmdm_generator_next_block(generator_, audio_.data(), audio_.size(), error, error_size), LMDM_OK) << error;
    for (const float sample : audio_) EXPECT_TRUE(std::isfinite(sample));
  }

  lmdm_bundle* bundle_ = nullptr;
  lmdm_generator* generator_ = nullptr;
  lmdm_generator_info info_{};
  std::vector<float> audio_, latents_;
};

TEST_P(Played, NullPointersAndShortBuffersLeaveTheSessionWhole) {
  const char* json = nullptr;
  std::size_t length = 0;
  MISUSE(lmdm_bundle_manifest(bundle_, nullptr, &length, error, error_size));
  EXPECT_EQ(lmdm_bundle_manifest(bundle_, &json, &length, error, error_size), LMDM_OK);
  EXPECT_EQ(std::strlen(json), length);
  MISUSE(lmdm_generator_create(bundle_, nullptr, nullptr, error, error_size));
  MISUSE(lmdm_generator_get_info(generator_, nullptr, error, error_size));
  lmdm_generator_info unsized{};
  MISUSE(lmdm_generator_get_info(generator_, &unsized, error, error_size));
  MISUSE(lmdm_generator_get_timings(generator_, nullptr, error, error_size));
  EXPECT_EQ(lmdm_generator_next_block(generator_, audio_.data(), audio_.size(), error, error_size), LMDM_ERROR_SESSION) << "no prompt yet";
  MISUSE(lmdm_generator_set_prompt(generator_, nullptr, error, error_size));
  const char* const holed[] = {"a", nullptr};
  const double weights[] = {1, 1};
  MISUSE(lmdm_generator_set_prompts(generator_, holed, weights, 2, error, error_size));
  MISUSE(lmdm_generator_set_prompts(generator_, nullptr, weights, 1, error, error_size));
  MISUSE(lmdm_generator_set_prompts(generator_, holed, nullptr, 1, error, error_size));
  EXPECT_EQ(lmdm_generator_set_prompts(generator_, nullptr, nullptr, 0, error, error_size), LMDM_ERROR_SESSION) << "an empty mix";
  MISUSE(lmdm_generator_set_embedding(generator_, "a", nullptr, 4, error, error_size));
  EXPECT_EQ(lmdm_generator_set_embedding(generator_, "a", weights == nullptr ? nullptr : latents_.data(), 1, error, error_size),
            LMDM_ERROR_SESSION)
      << "another shape";
  MISUSE(lmdm_generator_set_control(generator_, nullptr, latents_.data(), 1, 1, error, error_size));
  MISUSE(lmdm_generator_set_control(generator_, "loudness", nullptr, 1, 1, error, error_size));
  MISUSE(lmdm_generator_set_control(generator_, "loudness", latents_.data(), SIZE_MAX, 1, error, error_size));
  for (const std::size_t frames : {std::size_t{0}, std::size_t{2}, SIZE_MAX}) {
    EXPECT_EQ(lmdm_generator_set_control(generator_, "loudness", latents_.data(), 1, frames, error, error_size), LMDM_ERROR_SESSION)
        << error;
  }
  MISUSE(lmdm_generator_choose_sketch(generator_, nullptr, 1, 0, error, error_size));
  EXPECT_EQ(lmdm_generator_choose_sketch(generator_, holed, 1, -1, error, error_size), LMDM_ERROR_SESSION);
  lmdm_tuning tuning{};
  MISUSE(lmdm_generator_tune(generator_, &tuning, error, error_size));
  tuning.struct_size = sizeof tuning;
  tuning.feedback = tuning.guidance_scale = NAN;
  tuning.steps = tuning.context_drop = -1;
  EXPECT_EQ(lmdm_generator_tune(generator_, &tuning, error, error_size), LMDM_OK) << "what is not given does not count: " << error;
  for (std::int32_t lmdm_tuning::* given :
       {&lmdm_tuning::has_guidance_scale, &lmdm_tuning::has_feedback, &lmdm_tuning::has_steps, &lmdm_tuning::has_context_drop}) {
    lmdm_tuning refused = tuning;
    refused.*given = 1;
    EXPECT_EQ(lmdm_generator_tune(generator_, &refused, error, error_size), LMDM_ERROR_SESSION);
  }
  MISUSE(lmdm_generator_set_strength(generator_, nullptr, 1, error, error_size));
  for (const double strength : {-0.1, 1.1, static_cast<double>(NAN)})
    EXPECT_EQ(lmdm_generator_set_strength(generator_, "loudness", strength, error, error_size), LMDM_ERROR_SESSION) << strength;
  EXPECT_EQ(lmdm_generator_set_strength(generator_, "nothing", 1, error, error_size), LMDM_ERROR_SESSION);
  MISUSE(lmdm_generator_control(generator_, nullptr, latents_.data(), latents_.size(), nullptr, error, error_size));
  MISUSE(lmdm_generator_control(generator_, "loudness", nullptr, 0, nullptr, error, error_size));
  EXPECT_EQ(lmdm_generator_control(generator_, "nothing", latents_.data(), latents_.size(), nullptr, error, error_size),
            LMDM_ERROR_SESSION);
  MISUSE(lmdm_generator_feed_sketch(generator_, nullptr, 1, error, error_size));
  MISUSE(lmdm_generator_feed_sketch(generator_, audio_.data(), SIZE_MAX, error, error_size));
  EXPECT_EQ(lmdm_generator_feed_accompaniment(generator_, audio_.data(), 1, error, error_size), LMDM_ERROR_SESSION);
  MISUSE(lmdm_generator_feed_accompaniment_frames(generator_, latents_.data(), SIZE_MAX / 2, error, error_size));
  EXPECT_EQ(lmdm_generator_stop_accompaniment(generator_, error, error_size), LMDM_ERROR_SESSION);
  MISUSE(lmdm_generator_prime(generator_, nullptr, 64, nullptr, 0, nullptr, error, error_size));
  MISUSE(lmdm_generator_prime(generator_, audio_.data(), audio_.size(), audio_.data(), audio_.size() - 1, nullptr, error, error_size));
  EXPECT_EQ(lmdm_generator_prime(generator_, nullptr, 0, nullptr, 0, nullptr, error, error_size), LMDM_ERROR_SESSION) << "no frame";
  std::size_t written = 1;
  EXPECT_EQ(lmdm_generator_latent_block(generator_, latents_.data(), latents_.size(), &written, error, error_size), LMDM_OK);
  EXPECT_EQ(written, 0u);
  EXPECT_EQ(lmdm_generator_set_prompt(generator_, "slow ambient pad", error, error_size), LMDM_OK);
  MISUSE(lmdm_generator_next_block(generator_, nullptr, audio_.size(), error, error_size));
  MISUSE(lmdm_generator_next_block(generator_, audio_.data(), audio_.size() - 1, error, error_size));
  MISUSE(lmdm_generator_next_latents(generator_, latents_.data(), 0, error, error_size));
  MISUSE(lmdm_generator_latent_block(generator_, latents_.data(), latents_.size() - 1, nullptr, error, error_size));
  MISUSE(lmdm_generator_notice(generator_, nullptr, 8, error, error_size));
  MISUSE(lmdm_generator_notice(generator_, error, 0, error, error_size));
  expect_music();
  EXPECT_EQ(lmdm_generator_latent_block(generator_, latents_.data(), latents_.size(), &written, nullptr, 0), LMDM_OK);
  EXPECT_EQ(written, latents_.size());
  std::vector<float> followed(static_cast<std::size_t>(info_.block_frames));
  MISUSE(lmdm_generator_control(generator_, "loudness", followed.data(), followed.size() - 1, nullptr, error, error_size));
  EXPECT_EQ(lmdm_generator_control(generator_, "loudness", followed.data(), followed.size(), &written, error, error_size), LMDM_OK);
  EXPECT_EQ(written, followed.size());
}

TEST_P(Played, OptionsThatCannotBeAreRefused) {
  lmdm_generator* made = nullptr;
  lmdm_generator_options options{};
  MISUSE(lmdm_generator_create(bundle_, &options, &made, error, error_size));  // without its size
  options.struct_size = sizeof options;
  options.provider = 3;
  MISUSE(lmdm_generator_create(bundle_, &options, &made, error, error_size));
  options = {sizeof options, 0, "midpoint", 0, 0, 0, nullptr, 0, 1, 0, 0};
  EXPECT_EQ(lmdm_generator_create(bundle_, &options, &made, error, error_size), LMDM_ERROR_SESSION);
  options = {sizeof options, 0, nullptr, 0, 0, -1, nullptr, 0, 1, 0, 0};
  EXPECT_EQ(lmdm_generator_create(bundle_, &options, &made, error, error_size), LMDM_ERROR_SESSION);
  options = {sizeof options, 0, nullptr, NAN, 1, 0, nullptr, 0, 1, 0, 0};
  EXPECT_EQ(lmdm_generator_create(bundle_, &options, &made, error, error_size), LMDM_ERROR_SESSION);
  options = {sizeof options, 0, nullptr, 0, 0, 0, "/no/such/library.so", 0, 1, 0, 0};
  EXPECT_EQ(lmdm_generator_create(bundle_, &options, &made, error, error_size), LMDM_ERROR_ENVIRONMENT);
  EXPECT_EQ(made, nullptr);
}

TEST_P(Played, CancelsFromAnotherThreadUntilItIsResumed) {
  ASSERT_EQ(lmdm_generator_set_prompt(generator_, "jazz trio", error, error_size), LMDM_OK);
  std::thread([this] { EXPECT_EQ(lmdm_generator_cancel(generator_), LMDM_OK); }).join();
  EXPECT_EQ(lmdm_generator_next_block(generator_, audio_.data(), audio_.size(), error, error_size), LMDM_ERROR_CANCELLED) << error;
  EXPECT_EQ(lmdm_generator_next_block(generator_, audio_.data(), audio_.size(), error, error_size), LMDM_ERROR_CANCELLED);
  EXPECT_EQ(lmdm_generator_resume(generator_), LMDM_OK);
  expect_music();
}

TEST_P(Played, AProcessorRefusesWhatItCannotPlay) {
  lmdm_processor* processor = nullptr;
  lmdm_processor_options options{};
  MISUSE(lmdm_processor_create(&generator_, &options, &processor, error, error_size));
  options.struct_size = sizeof options;
  options.input = 7;
  MISUSE(lmdm_processor_create(&generator_, &options, &processor, error, error_size));
  ASSERT_NE(generator_, nullptr) << "a wrong argument takes nothing";
  options.input = LMDM_INPUT_NONE;
  options.offline = 1;
  ASSERT_EQ(lmdm_processor_create(&generator_, &options, &processor, error, error_size), LMDM_OK) << error;
  EXPECT_EQ(generator_, nullptr);
  float sample = 1;
  float* const whole[] = {&sample};
  float* const holed[] = {&sample, nullptr};
  EXPECT_EQ(lmdm_processor_prepare(processor, 48000, 2, 64, error, error_size), LMDM_ERROR_SESSION) << "no prompt yet";
  EXPECT_EQ(lmdm_processor_set_prompt(processor, "jazz trio", error, error_size), LMDM_OK) << error;
  for (const double rate : {0.0, -1.0, 1e9, static_cast<double>(NAN), static_cast<double>(INFINITY)}) {
    EXPECT_EQ(lmdm_processor_prepare(processor, rate, 1, 64, error, error_size), LMDM_ERROR_SESSION) << rate;
  }
  EXPECT_EQ(lmdm_processor_prepare(processor, 8000, 0, 64, error, error_size), LMDM_ERROR_SESSION);
  EXPECT_EQ(lmdm_processor_process(processor, nullptr, whole, 1, 1), LMDM_OK) << "silence before it is prepared";
  EXPECT_EQ(sample, 0);
  ASSERT_EQ(lmdm_processor_prepare(processor, 8000, 1, 64, error, error_size), LMDM_OK) << error;
  EXPECT_EQ(lmdm_processor_process(processor, nullptr, nullptr, 1, 1), LMDM_ERROR_ARGUMENT);
  EXPECT_EQ(lmdm_processor_process(processor, nullptr, holed, 2, 1), LMDM_ERROR_ARGUMENT);
  EXPECT_EQ(lmdm_processor_process(processor, holed, whole, 0, 1), LMDM_ERROR_ARGUMENT);
  EXPECT_EQ(lmdm_processor_process(processor, nullptr, whole, 1, -1), LMDM_ERROR_ARGUMENT);
  EXPECT_EQ(lmdm_processor_process(processor, nullptr, whole, 1, 0), LMDM_OK);
  EXPECT_EQ(lmdm_processor_process(processor, nullptr, whole, 1, 1), LMDM_OK);
  EXPECT_EQ(lmdm_processor_process_side(processor, nullptr, holed + 1, whole, 1, 1), LMDM_ERROR_ARGUMENT);
  EXPECT_EQ(lmdm_processor_process_side(processor, nullptr, whole, whole, 1, 1), LMDM_OK);
  EXPECT_EQ(lmdm_processor_set_frozen(processor, 1), LMDM_OK);
  lmdm_tuning tuning{};
  MISUSE(lmdm_processor_tune(processor, &tuning, error, error_size));
  MISUSE(lmdm_processor_set_strength(processor, nullptr, 1, error, error_size));
  lmdm_metrics metrics{};
  EXPECT_EQ(lmdm_processor_get_metrics(processor, &metrics), LMDM_ERROR_ARGUMENT) << "without its size";
  EXPECT_EQ(lmdm_processor_latency_samples(processor, nullptr), LMDM_ERROR_ARGUMENT);
  MISUSE(lmdm_processor_set_prompt(processor, nullptr, error, error_size));
  MISUSE(lmdm_processor_set_control(processor, "loudness", nullptr, 1, 1, error, error_size));
  MISUSE(lmdm_processor_failure(processor, nullptr, 0, error, error_size));
  EXPECT_EQ(lmdm_processor_set_playing(processor, 0), LMDM_OK);
  EXPECT_EQ(lmdm_processor_reset(processor, error, error_size), LMDM_OK) << error;
  lmdm_processor_free(processor);
}

INSTANTIATE_TEST_SUITE_P(Patterns, Played, testing::Values("encoder-decoder", "block-causal"),
                         [](const auto& pattern) { return pattern.index == 0 ? "EncoderDecoder" : "BlockCausal"; });

}  // namespace
