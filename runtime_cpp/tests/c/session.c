#include "session.h"

#include <stdio.h>
#include <stdlib.h>

#include "lmdm/c.h"

static char sentence[512];

static int good(lmdm_status status, const char* what) {
  if (status != LMDM_OK) printf("%s: status %d: %s\n", what, (int)status, sentence);
  return status == LMDM_OK;
}

float session_sound(size_t sample) {
  return (float)((int)(sample * 37 % 101) - 50) / 128.0f;
}

int session_call_frames(int call) {
  return 1 + call * 29 % SESSION_LARGEST_CALL;
}

static lmdm_generator* new_generator(const char* folder) {
  lmdm_bundle* bundle = NULL;
  lmdm_generator* generator = NULL;
  lmdm_generator_options options = {0};
  options.struct_size = sizeof options;
  options.seed = SESSION_SEED;
  options.steps = SESSION_STEPS;
  options.threads = 1;
  if (good(lmdm_bundle_load(folder, &bundle, sentence, sizeof sentence), "load")) {
    good(lmdm_generator_create(bundle, &options, &generator, sentence, sizeof sentence), "create");
  }
  lmdm_bundle_free(bundle);
  return generator;
}

static int feed(lmdm_generator* generator, size_t samples) {
  const char* kinds[] = {"loudness"};
  float* sound = malloc(samples * sizeof *sound);
  size_t i;
  int fed = sound != NULL && good(lmdm_generator_choose_sketch(generator, kinds, 1, 3, sentence, sizeof sentence), "choose_sketch");
  for (i = 0; fed && i < samples; ++i) sound[i] = session_sound(i);
  fed = fed && good(lmdm_generator_feed_sketch(generator, sound, samples, sentence, sizeof sentence), "feed_sketch");
  free(sound);
  return fed;
}

/* The settings of each block; the fourth goes on from a sound that was primed. */
static int steer(lmdm_generator* generator, int block, float* heard, size_t heard_count, size_t* heard_samples) {
  static const char* const prompts[] = {"fast techno with drums", "jazz trio"};
  static const double weights[] = {0.7, 0.3};
  const float loudness = 0.25f;
  lmdm_tuning tuning = {0};
  float sound[SESSION_PRIMED];
  size_t i;
  switch (block) {
    case 0:
      return good(lmdm_generator_set_prompt(generator, "slow ambient pad", sentence, sizeof sentence), "set_prompt") &&
             good(lmdm_generator_set_control(generator, "loudness", &loudness, 1, 1, sentence, sizeof sentence), "set_control");
    case 1:
      return feed(generator, 40) && good(lmdm_generator_set_strength(generator, "loudness", 0.5, sentence, sizeof sentence), "strength");
    case 2:
      return good(lmdm_generator_set_prompts(generator, prompts, weights, 2, sentence, sizeof sentence), "set_prompts");
    case 3:
      for (i = 0; i < SESSION_PRIMED; ++i) sound[i] = session_sound(i + 5);
      return good(lmdm_generator_reset(generator, sentence, sizeof sentence), "reset") &&
             good(lmdm_generator_prime(generator, sound, SESSION_PRIMED, heard, heard_count, heard_samples, sentence, sizeof sentence),
                  "prime");
    default:
      tuning.struct_size = sizeof tuning;
      tuning.has_seed = tuning.has_guidance_scale = tuning.has_feedback = tuning.has_steps = tuning.has_context_drop = 1;
      tuning.seed = SESSION_SEED + 3;
      tuning.guidance_scale = 2.5;
      tuning.feedback = 0.5;
      tuning.steps = 2;
      tuning.context_drop = 1;
      tuning.has_hold_noise = tuning.hold_noise = 1;
      return good(lmdm_generator_tune(generator, &tuning, sentence, sizeof sentence), "tune") &&
             good(lmdm_generator_set_prompt(generator, "jazz trio", sentence, sizeof sentence), "set_prompt") &&
             good(lmdm_generator_choose_sketch(generator, NULL, 0, 0, sentence, sizeof sentence), "choose_sketch");
  }
}

size_t play_generator(const char* folder, float* values, size_t room) {
  lmdm_generator* generator = new_generator(folder);
  lmdm_generator_info info = {0};
  size_t written = 0, block_values, latent_values, heard_samples = 0;
  int block;
  float* heard = NULL;
  int playing = generator != NULL;
  info.struct_size = sizeof info;
  playing = playing && good(lmdm_generator_get_info(generator, &info, sentence, sizeof sentence), "get_info");
  block_values = info.block_samples * (size_t)info.channels;
  latent_values = (size_t)info.latent_channels * (size_t)info.block_frames;
  playing =
      playing && room >= (SESSION_BLOCKS + 1) * block_values + latent_values && (heard = malloc(block_values * sizeof *heard)) != NULL;
  for (block = 0; playing && block < SESSION_BLOCKS; ++block) {
    playing = steer(generator, block, heard, block_values, &heard_samples) &&
              good(lmdm_generator_next_block(generator, values + written, block_values, sentence, sizeof sentence), "next_block");
    written += block_values;
  }
  for (block = 0; playing && block < (int)heard_samples * info.channels; ++block) values[written++] = heard[block];
  playing =
      playing && good(lmdm_generator_next_latents(generator, values + written, latent_values, sentence, sizeof sentence), "next_latents");
  written += latent_values;
  free(heard);
  lmdm_generator_free(generator);
  return playing ? written : 0;
}

size_t play_live(const char* folder, float* values, size_t room) {
  lmdm_generator* generator = new_generator(folder);
  lmdm_processor* processor = NULL;
  lmdm_processor_options options = {0};
  lmdm_metrics metrics = {0};
  lmdm_tuning tuning = {0};
  const char* kinds[] = {"loudness"};
  float planes[SESSION_CHANNELS][SESSION_LARGEST_CALL];
  float* channels[SESSION_CHANNELS] = {planes[0], planes[1]};
  size_t written = 0;
  int call, i, playing;
  options.struct_size = sizeof options;
  options.input = LMDM_INPUT_SKETCH;
  options.offline = 1;
  tuning.struct_size = sizeof tuning;
  tuning.has_feedback = 1;
  metrics.struct_size = sizeof metrics;
  playing =
      generator != NULL && good(lmdm_processor_create(&generator, &options, &processor, sentence, sizeof sentence), "create processor") &&
      good(lmdm_processor_set_prompt(processor, "slow ambient pad", sentence, sizeof sentence), "set_prompt") &&
      good(lmdm_processor_choose_sketch(processor, kinds, 1, 0, sentence, sizeof sentence), "choose_sketch") &&
      good(lmdm_processor_set_strength(processor, "loudness", 0.75, sentence, sizeof sentence), "set_strength") &&
      good(lmdm_processor_tune(processor, &tuning, sentence, sizeof sentence), "tune") &&
      good(lmdm_processor_prepare(processor, SESSION_RATE, SESSION_CHANNELS, SESSION_LARGEST_CALL, sentence, sizeof sentence), "prepare");
  for (call = 0; playing && call < SESSION_CALLS; ++call) {
    const int frames = session_call_frames(call);
    for (i = 0; i < frames; ++i) planes[0][i] = planes[1][i] = session_sound(written / SESSION_CHANNELS + (size_t)i);
    playing = written + (size_t)(frames * SESSION_CHANNELS) <= room &&
              good(lmdm_processor_set_frozen(processor, call >= SESSION_FROZEN), "set_frozen") &&
              good(lmdm_processor_process(processor, (const float* const*)channels, channels, SESSION_CHANNELS, frames), "process");
    for (i = 0; playing && i < frames * SESSION_CHANNELS; ++i) values[written++] = planes[i % SESSION_CHANNELS][i / SESSION_CHANNELS];
  }
  playing = playing && good(lmdm_processor_get_metrics(processor, &metrics), "get_metrics") && metrics.blocks > 0 && !metrics.failed;
  lmdm_processor_free(processor);
  lmdm_generator_free(generator);
  return playing ? written : 0;
}
