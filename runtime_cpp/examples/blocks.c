/* The same through the C ABI: blocks_c BUNDLE PROMPT BLOCKS > audio.f32 */
#include <lmdm/c.h>
#include <stdio.h>
#include <stdlib.h>

static int fail(const char* error) {
  fprintf(stderr, "error: %s\n", error);
  return 1;
}

int main(int count, char** words) {
  char error[1024] = "";
  lmdm_bundle* bundle = NULL;
  lmdm_generator* generator = NULL;
  lmdm_generator_options options = {0};
  lmdm_generator_info info = {0};
  float* audio;
  size_t values;
  long left;
  if (count != 4) return fail("usage: blocks_c BUNDLE PROMPT BLOCKS > audio.f32");
  options.struct_size = sizeof options;
  options.threads = 1;
  info.struct_size = sizeof info;
  if (lmdm_bundle_load(words[1], &bundle, error, sizeof error) != LMDM_OK) return fail(error);
  if (lmdm_generator_create(bundle, &options, &generator, error, sizeof error) != LMDM_OK) return fail(error);
  lmdm_bundle_free(bundle);
  if (lmdm_generator_get_info(generator, &info, error, sizeof error) != LMDM_OK) return fail(error);
  if (lmdm_generator_set_prompt(generator, words[2], error, sizeof error) != LMDM_OK) return fail(error);
  values = (size_t)info.channels * info.block_samples;
  audio = malloc(values * sizeof *audio);
  if (audio == NULL) return fail("no memory");
  for (left = strtol(words[3], NULL, 10); left > 0; --left) {
    if (lmdm_generator_next_block(generator, audio, values, error, sizeof error) != LMDM_OK) return fail(error);
    fwrite(audio, sizeof *audio, values, stdout);
  }
  free(audio);
  lmdm_generator_free(generator);
  return 0;
}
