// What steers a generator: prompts, controls, sketches and accompaniment.
#include "c/arguments.h"
#include "c/handles.h"
#include "c/structs.h"

using namespace lmdm::c;

namespace {

lmdm::Generator& steered(lmdm_generator* generator) {
  return required(generator, "generator").generator;
}

std::span<const float> audio_of(const lmdm::Generator& generator, const float* audio, std::size_t samples) {
  return rows(audio, static_cast<std::size_t>(generator.channels()), samples, "audio");
}

}  // namespace

lmdm_status lmdm_generator_set_prompt(lmdm_generator* generator, const char* prompt, char* error, size_t error_size) {
  return guarded(error, error_size, [&] { steered(generator).set_prompt(text(prompt, "prompt")); });
}

lmdm_status lmdm_generator_set_prompts(lmdm_generator* generator, const char* const* prompts, const double* weights, size_t count,
                                       char* error, size_t error_size) {
  return guarded(error, error_size, [&] { steered(generator).set_prompts(mix(prompts, weights, count)); });
}

lmdm_status lmdm_generator_set_embedding(lmdm_generator* generator, const char* prompt, const float* values, size_t count, char* error,
                                         size_t error_size) {
  return guarded(error, error_size, [&] { steered(generator).set_embedding(text(prompt, "prompt"), floats(values, count, "values")); });
}

lmdm_status lmdm_generator_notice(const lmdm_generator* generator, char* text, size_t text_size, char* error, size_t error_size) {
  return guarded(error, error_size, [&] {
    const std::string& notice = required(generator, "generator").generator.notice();
    require_text_room(text, text_size);
    write_text(text, text_size, notice);
  });
}

lmdm_status lmdm_generator_set_control(lmdm_generator* generator, const char* group, const float* values, size_t count, size_t frames,
                                       char* error, size_t error_size) {
  return guarded(error, error_size, [&] { steered(generator).set_control(text(group, "group"), floats(values, count, "values"), frames); });
}

lmdm_status lmdm_generator_choose_sketch(lmdm_generator* generator, const char* const* kinds, size_t count, int32_t smoothing, char* error,
                                         size_t error_size) {
  return guarded(error, error_size, [&] {
    steered(generator).choose_sketch(texts(kinds, count, "kinds"), smoothing == 0 ? std::nullopt : std::optional<int>(smoothing));
  });
}

lmdm_status lmdm_generator_tune(lmdm_generator* generator, const lmdm_tuning* tuning, char* error, size_t error_size) {
  return guarded(error, error_size, [&] { steered(generator).tune(tuning_of(tuning)); });
}

lmdm_status lmdm_generator_set_strength(lmdm_generator* generator, const char* kind, double strength, char* error, size_t error_size) {
  return guarded(error, error_size, [&] { steered(generator).set_strength(text(kind, "kind"), strength); });
}

lmdm_status lmdm_generator_feed_sketch(lmdm_generator* generator, const float* audio, size_t samples, char* error, size_t error_size) {
  return guarded(error, error_size, [&] { steered(generator).feed_sketch(audio_of(steered(generator), audio, samples)); });
}

lmdm_status lmdm_generator_feed_accompaniment(lmdm_generator* generator, const float* audio, size_t samples, char* error,
                                              size_t error_size) {
  return guarded(error, error_size, [&] { steered(generator).feed_accompaniment(audio_of(steered(generator), audio, samples)); });
}

lmdm_status lmdm_generator_feed_accompaniment_frames(lmdm_generator* generator, const float* values, size_t frames, char* error,
                                                     size_t error_size) {
  return guarded(error, error_size, [&] {
    lmdm::Generator& fed = steered(generator);
    fed.feed_accompaniment_frames(rows(values, static_cast<std::size_t>(fed.manifest().model.latent_channels), frames, "values"));
  });
}

lmdm_status lmdm_generator_stop_accompaniment(lmdm_generator* generator, char* error, size_t error_size) {
  return guarded(error, error_size, [&] { steered(generator).stop_accompaniment(); });
}
