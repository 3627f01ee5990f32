// Every function of the ABI with a null handle: a status and a sentence, and no crash.
#include "misuse.h"

namespace {

TEST(Misuse, NullHandles) {
  lmdm_bundle* bundle = nullptr;
  lmdm_generator* generator = nullptr;
  lmdm_processor* processor = nullptr;
  lmdm_generator_info info{};
  info.struct_size = sizeof info;
  lmdm_timings timings{};
  timings.struct_size = sizeof timings;
  lmdm_metrics metrics{};
  metrics.struct_size = sizeof metrics;
  const char* json = nullptr;
  const char* const prompts[] = {"a"};
  const double weight = 1;
  float value = 0;
  std::int64_t samples = 0;
  char text[8];
  MISUSE(lmdm_bundle_load(nullptr, &bundle, error, error_size));
  MISUSE(lmdm_bundle_load("x", nullptr, error, error_size));
  MISUSE(lmdm_bundle_manifest(nullptr, &json, nullptr, error, error_size));
  MISUSE(lmdm_generator_create(nullptr, nullptr, &generator, error, error_size));
  MISUSE(lmdm_generator_get_info(nullptr, &info, error, error_size));
  MISUSE(lmdm_generator_reset(nullptr, error, error_size));
  MISUSE(lmdm_generator_tune(nullptr, nullptr, error, error_size));
  MISUSE(lmdm_generator_set_strength(nullptr, "a", 1, error, error_size));
  MISUSE(lmdm_generator_control(nullptr, "a", &value, 1, nullptr, error, error_size));
  MISUSE(lmdm_generator_set_prompt(nullptr, "a", error, error_size));
  MISUSE(lmdm_generator_set_prompts(nullptr, prompts, &weight, 1, error, error_size));
  MISUSE(lmdm_generator_set_embedding(nullptr, "a", &value, 1, error, error_size));
  MISUSE(lmdm_generator_notice(nullptr, text, sizeof text, error, error_size));
  MISUSE(lmdm_generator_set_control(nullptr, "a", &value, 1, 1, error, error_size));
  MISUSE(lmdm_generator_choose_sketch(nullptr, prompts, 1, 0, error, error_size));
  MISUSE(lmdm_generator_feed_sketch(nullptr, &value, 1, error, error_size));
  MISUSE(lmdm_generator_feed_accompaniment(nullptr, &value, 1, error, error_size));
  MISUSE(lmdm_generator_feed_accompaniment_frames(nullptr, &value, 1, error, error_size));
  MISUSE(lmdm_generator_stop_accompaniment(nullptr, error, error_size));
  MISUSE(lmdm_generator_prime(nullptr, &value, 1, nullptr, 0, nullptr, error, error_size));
  MISUSE(lmdm_generator_next_block(nullptr, &value, 1, error, error_size));
  MISUSE(lmdm_generator_next_latents(nullptr, &value, 1, error, error_size));
  MISUSE(lmdm_generator_latent_block(nullptr, &value, 1, nullptr, error, error_size));
  MISUSE(lmdm_generator_get_timings(nullptr, &timings, error, error_size));
  EXPECT_EQ(lmdm_generator_cancel(nullptr), LMDM_ERROR_ARGUMENT);
  EXPECT_EQ(lmdm_generator_resume(nullptr), LMDM_ERROR_ARGUMENT);
  MISUSE(lmdm_processor_create(nullptr, nullptr, &processor, error, error_size));
  MISUSE(lmdm_processor_create(&generator, nullptr, &processor, error, error_size));
  MISUSE(lmdm_processor_create(&generator, nullptr, nullptr, error, error_size));
  MISUSE(lmdm_processor_prepare(nullptr, 48000, 2, 512, error, error_size));
  EXPECT_EQ(lmdm_processor_process(nullptr, nullptr, nullptr, 1, 1), LMDM_ERROR_ARGUMENT);
  EXPECT_EQ(lmdm_processor_process_side(nullptr, nullptr, nullptr, nullptr, 1, 1), LMDM_ERROR_ARGUMENT);
  EXPECT_EQ(lmdm_processor_set_frozen(nullptr, 1), LMDM_ERROR_ARGUMENT);
  MISUSE(lmdm_processor_tune(nullptr, nullptr, error, error_size));
  MISUSE(lmdm_processor_set_strength(nullptr, "a", 1, error, error_size));
  EXPECT_EQ(lmdm_processor_latency_samples(nullptr, &samples), LMDM_ERROR_ARGUMENT);
  EXPECT_EQ(lmdm_processor_get_metrics(nullptr, &metrics), LMDM_ERROR_ARGUMENT);
  EXPECT_EQ(lmdm_processor_set_playing(nullptr, 1), LMDM_ERROR_ARGUMENT);
  MISUSE(lmdm_processor_set_prompt(nullptr, "a", error, error_size));
  MISUSE(lmdm_processor_set_prompts(nullptr, prompts, &weight, 1, error, error_size));
  MISUSE(lmdm_processor_set_control(nullptr, "a", &value, 1, 1, error, error_size));
  MISUSE(lmdm_processor_choose_sketch(nullptr, prompts, 1, 0, error, error_size));
  MISUSE(lmdm_processor_reset(nullptr, error, error_size));
  MISUSE(lmdm_processor_failure(nullptr, text, sizeof text, error, error_size));
  lmdm_bundle_free(nullptr);
  lmdm_generator_free(nullptr);
  lmdm_processor_free(nullptr);
}

TEST(Misuse, ABundleThatIsNoneIsNoMisuse) {
  lmdm_bundle* bundle = reinterpret_cast<lmdm_bundle*>(&said);
  EXPECT_EQ(lmdm_bundle_load("no-such-bundle", &bundle, error, error_size), LMDM_ERROR_BUNDLE);
  EXPECT_EQ(bundle, nullptr);
  EXPECT_NE(std::strstr(error, "no-such-bundle"), nullptr) << error;
  char little[6];
  EXPECT_EQ(lmdm_bundle_load("no-such-bundle", &bundle, little, sizeof little), LMDM_ERROR_BUNDLE);
  EXPECT_EQ(std::strlen(little), 5u);
  EXPECT_EQ(lmdm_bundle_load("no-such-bundle", &bundle, nullptr, 0), LMDM_ERROR_BUNDLE);
}

TEST(Misuse, VersionsAreTold) {
  EXPECT_EQ(lmdm_abi_version(), LMDM_ABI_VERSION);
  EXPECT_NE(std::strchr(lmdm_version(), '.'), nullptr);
}

}  // namespace
