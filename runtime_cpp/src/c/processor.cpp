#include <memory>

#include "c/handles.h"
#include "c/structs.h"
#include "lmdm/live_processor.h"

using namespace lmdm::c;

namespace {

lmdm::LiveOptions live_options(const lmdm_processor_options& given) {
  lmdm::LiveOptions options;
  options.input = choice<lmdm::InputRole>(given.input, 4, "input");
  options.underrun = choice<lmdm::Underrun>(given.underrun, 2, "underrun");
  options.margin_seconds = given.margin_seconds;
  options.offline = given.offline != 0;
  options.realtime_priority = given.realtime_priority;
  return options;
}

}  // namespace

lmdm_status lmdm_processor_create(lmdm_generator** generator, const lmdm_processor_options* options, lmdm_processor** processor,
                                  char* error, size_t error_size) {
  return guarded(error, error_size, [&] {
    lmdm_processor*& made = required(processor, "processor");
    made = nullptr;
    (void)required(required(generator, "generator"), "*generator");
    const lmdm::LiveOptions live = live_options(parameters(options));
    const std::unique_ptr<lmdm_generator> taken(*generator);
    *generator = nullptr;
    made = new lmdm_processor(std::move(taken->generator), live);
  });
}

void lmdm_processor_free(lmdm_processor* processor) {
  delete processor;
}

lmdm_status lmdm_processor_prepare(lmdm_processor* processor, double host_rate, int32_t host_channels, int32_t largest_block, char* error,
                                   size_t error_size) {
  return guarded(error, error_size, [&] { required(processor, "processor").processor.prepare(host_rate, host_channels, largest_block); });
}

// The audio thread's functions have no sentence to write and throw nothing.

lmdm_status lmdm_processor_process(lmdm_processor* processor, const float* const* input, float* const* output, int32_t channels,
                                   int32_t frames) {
  return lmdm_processor_process_side(processor, input, nullptr, output, channels, frames);
}

lmdm_status lmdm_processor_process_side(lmdm_processor* processor, const float* const* input, const float* const* side,
                                        float* const* output, int32_t channels, int32_t frames) {
  if (processor == nullptr || output == nullptr || channels < 1 || frames < 0) return LMDM_ERROR_ARGUMENT;
  for (int32_t channel = 0; channel < channels; ++channel) {
    if (output[channel] == nullptr || (input != nullptr && input[channel] == nullptr) || (side != nullptr && side[channel] == nullptr))
      return LMDM_ERROR_ARGUMENT;
  }
  processor->processor.process(input, side, output, channels, frames);
  return LMDM_OK;
}

lmdm_status lmdm_processor_latency_samples(const lmdm_processor* processor, int64_t* samples) {
  if (processor == nullptr || samples == nullptr) return LMDM_ERROR_ARGUMENT;
  *samples = processor->processor.latency_samples();
  return LMDM_OK;
}

lmdm_status lmdm_processor_get_metrics(const lmdm_processor* processor, lmdm_metrics* metrics) {
  if (processor == nullptr || metrics == nullptr || !has_size(*metrics)) return LMDM_ERROR_ARGUMENT;
  const lmdm::LiveMetrics of = processor->processor.metrics();
  lmdm_metrics values{};
  values.blocks = of.blocks;
  values.underruns = of.underruns;
  values.underrun_samples = of.underrun_samples;
  values.dropped_blocks = of.dropped_blocks;
  values.block_ms = of.block_ms;
  values.worst_block_ms = of.worst_block_ms;
  values.block_seconds = of.block_seconds;
  values.buffered_seconds = of.buffered_seconds;
  values.priority = of.priority;
  values.failed = of.failed ? 1 : 0;
  values.controls_ms = of.stages.controls;
  values.prompt_ms = of.stages.prompt;
  values.context_ms = of.stages.context;
  values.steps_ms = of.stages.steps;
  values.decode_ms = of.stages.decode;
  copy_known(*metrics, values);
  return LMDM_OK;
}

lmdm_status lmdm_processor_set_playing(lmdm_processor* processor, int32_t playing) {
  if (processor == nullptr) return LMDM_ERROR_ARGUMENT;
  processor->processor.set_playing(playing != 0);
  return LMDM_OK;
}

lmdm_status lmdm_processor_set_frozen(lmdm_processor* processor, int32_t frozen) {
  if (processor == nullptr) return LMDM_ERROR_ARGUMENT;
  processor->processor.set_frozen(frozen != 0);
  return LMDM_OK;
}
