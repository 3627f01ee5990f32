#include "lmdm/generator.h"

#include <algorithm>
#include <memory>

#include "c/handles.h"
#include "c/structs.h"
#include "lmdm/onnxruntime.h"

using namespace lmdm::c;

namespace {

std::size_t block_values(const lmdm::Generator& generator) {
  return generator.block_samples() * static_cast<std::size_t>(generator.channels());
}

std::size_t latent_values(const lmdm::Generator& generator) {
  const lmdm::ModelEntry& model = generator.manifest().model;
  return static_cast<std::size_t>(model.latent_channels) * static_cast<std::size_t>(model.block);
}

lmdm::GeneratorOptions generator_options(const lmdm_generator_options& given) {
  lmdm::GeneratorOptions options;
  options.seed = given.seed;
  if (given.steps != 0) options.steps = given.steps;
  if (given.has_guidance_scale != 0) options.guidance_scale = given.guidance_scale;
  if (given.solver != nullptr) options.solver = given.solver;
  return options;
}

lmdm::OnnxRuntimeOptions backend_options(const lmdm_generator_options& given) {
  lmdm::OnnxRuntimeOptions options;
  if (given.onnxruntime != nullptr) options.library = given.onnxruntime;
  options.provider = choice<lmdm::Provider>(given.provider, 3, "provider");
  options.threads = given.threads;
  options.small = given.small != 0;
  options.device = given.device;
  return options;
}

}  // namespace

lmdm_status lmdm_generator_create(const lmdm_bundle* bundle, const lmdm_generator_options* options, lmdm_generator** generator, char* error,
                                  size_t error_size) {
  return guarded(error, error_size, [&] {
    lmdm_generator*& made = required(generator, "generator");
    made = nullptr;
    const lmdm::Bundle& played = required(bundle, "bundle").bundle;
    const lmdm_generator_options given = parameters(options);
    const auto backend = lmdm::make_onnxruntime_backend(played, backend_options(given));
    made = new lmdm_generator{lmdm::Generator(played, backend, generator_options(given))};
  });
}

void lmdm_generator_free(lmdm_generator* generator) {
  delete generator;
}

lmdm_status lmdm_generator_get_info(const lmdm_generator* generator, lmdm_generator_info* info, char* error, size_t error_size) {
  return guarded(error, error_size, [&] {
    const lmdm::Generator& of = required(generator, "generator").generator;
    const lmdm::ModelEntry& model = of.manifest().model;
    lmdm_generator_info values{};
    values.sample_rate = of.sample_rate();
    values.channels = of.channels();
    values.block_samples = of.block_samples();
    values.delay_samples = of.delay_samples();
    values.latent_channels = model.latent_channels;
    values.block_frames = model.block;
    values.context_frames = model.context;
    values.text_tokens = model.text_tokens;
    values.text_width = model.text_width;
    values.block_index = of.block_index();
    give(info, values, "info");
  });
}

lmdm_status lmdm_generator_reset(lmdm_generator* generator, char* error, size_t error_size) {
  return guarded(error, error_size, [&] { required(generator, "generator").generator.reset(); });
}

lmdm_status lmdm_generator_prime(lmdm_generator* generator, const float* audio, size_t samples, float* heard, size_t heard_count,
                                 size_t* heard_samples, char* error, size_t error_size) {
  return guarded(error, error_size, [&] {
    lmdm::Generator& primed = required(generator, "generator").generator;
    const auto channels = static_cast<std::size_t>(primed.channels());
    if (heard != nullptr) (void)room(heard, heard_count, block_values(primed), "heard");
    const std::vector<float> last = primed.prime(rows(audio, channels, samples, "audio"));
    if (heard != nullptr) std::ranges::copy(last, room(heard, heard_count, last.size(), "heard").begin());
    if (heard_samples != nullptr) *heard_samples = last.size() / channels;
  });
}

lmdm_status lmdm_generator_next_block(lmdm_generator* generator, float* audio, size_t count, char* error, size_t error_size) {
  return guarded(error, error_size, [&] {
    lmdm::Generator& made = required(generator, "generator").generator;
    made.next_block(room(audio, count, block_values(made), "audio"));
  });
}

lmdm_status lmdm_generator_next_latents(lmdm_generator* generator, float* latents, size_t count, char* error, size_t error_size) {
  return guarded(error, error_size, [&] {
    lmdm::Generator& made = required(generator, "generator").generator;
    made.next_latents(room(latents, count, latent_values(made), "latents"));
  });
}

lmdm_status lmdm_generator_latent_block(const lmdm_generator* generator, float* latents, size_t count, size_t* written, char* error,
                                        size_t error_size) {
  return guarded(error, error_size, [&] {
    const lmdm::Generator& of = required(generator, "generator").generator;
    const auto block = of.latent_block();
    std::ranges::copy(block, room(latents, count, latent_values(of), "latents").begin());
    if (written != nullptr) *written = block.size();
  });
}

lmdm_status lmdm_generator_control(const lmdm_generator* generator, const char* group, float* values, size_t count, size_t* written,
                                   char* error, size_t error_size) {
  return guarded(error, error_size, [&] {
    const auto followed = required(generator, "generator").generator.control(text(group, "group"));
    std::ranges::copy(followed, room(values, count, followed.size(), "values").begin());
    if (written != nullptr) *written = followed.size();
  });
}

lmdm_status lmdm_generator_get_timings(const lmdm_generator* generator, lmdm_timings* timings, char* error, size_t error_size) {
  return guarded(error, error_size, [&] {
    const lmdm::Timings& of = required(generator, "generator").generator.timings();
    give(timings, lmdm_timings{0, of.controls, of.prompt, of.context, of.steps, of.decode}, "timings");
  });
}

lmdm_status lmdm_generator_cancel(lmdm_generator* generator) {
  return guarded(nullptr, 0, [&] { required(generator, "generator").generator.cancel(); });
}

lmdm_status lmdm_generator_resume(lmdm_generator* generator) {
  return guarded(nullptr, 0, [&] { required(generator, "generator").generator.resume(); });
}
