// What a host's other thread asks of a processor.
#include "c/arguments.h"
#include "c/handles.h"
#include "c/structs.h"

using namespace lmdm::c;

namespace {

lmdm::LiveProcessor& steered(lmdm_processor* processor) {
  return required(processor, "processor").processor;
}

}  // namespace

lmdm_status lmdm_processor_set_prompt(lmdm_processor* processor, const char* prompt, char* error, size_t error_size) {
  return guarded(error, error_size, [&] { steered(processor).set_prompt(text(prompt, "prompt")); });
}

lmdm_status lmdm_processor_set_prompts(lmdm_processor* processor, const char* const* prompts, const double* weights, size_t count,
                                       char* error, size_t error_size) {
  return guarded(error, error_size, [&] { steered(processor).set_prompts(mix(prompts, weights, count)); });
}

lmdm_status lmdm_processor_set_control(lmdm_processor* processor, const char* group, const float* values, size_t count, size_t frames,
                                       char* error, size_t error_size) {
  return guarded(error, error_size, [&] {
    const auto given = floats(values, count, "values");
    steered(processor).set_control(text(group, "group"), std::vector<float>(given.begin(), given.end()), frames);
  });
}

lmdm_status lmdm_processor_choose_sketch(lmdm_processor* processor, const char* const* kinds, size_t count, int32_t smoothing, char* error,
                                         size_t error_size) {
  return guarded(error, error_size, [&] {
    steered(processor).choose_sketch(texts(kinds, count, "kinds"), smoothing == 0 ? std::nullopt : std::optional<int>(smoothing));
  });
}

lmdm_status lmdm_processor_tune(lmdm_processor* processor, const lmdm_tuning* tuning, char* error, size_t error_size) {
  return guarded(error, error_size, [&] { steered(processor).tune(tuning_of(tuning)); });
}

lmdm_status lmdm_processor_set_strength(lmdm_processor* processor, const char* kind, double strength, char* error, size_t error_size) {
  return guarded(error, error_size, [&] { steered(processor).set_strength(text(kind, "kind"), strength); });
}

lmdm_status lmdm_processor_reset(lmdm_processor* processor, char* error, size_t error_size) {
  return guarded(error, error_size, [&] { steered(processor).reset(); });
}

lmdm_status lmdm_processor_failure(const lmdm_processor* processor, char* text, size_t text_size, char* error, size_t error_size) {
  return guarded(error, error_size, [&] {
    const std::string failure = required(processor, "processor").processor.failure();
    require_text_room(text, text_size);
    write_text(text, text_size, failure);
  });
}
