#include "lmdm/live_processor.h"

#include <utility>

#include "live/generator_source.h"
#include "live/processor.h"

namespace lmdm {

struct LiveProcessor::State {
  live::Processor processor;
};

LiveProcessor::LiveProcessor(Generator generator, const LiveOptions& options)
    : state_(new State{live::Processor(std::make_unique<live::GeneratorSource>(std::move(generator), options.input), options)}) {}
LiveProcessor::~LiveProcessor() = default;

void LiveProcessor::prepare(double host_rate, int host_channels, int largest_block) {
  state_->processor.prepare(host_rate, host_channels, largest_block);
}
void LiveProcessor::process(const float* const* input, float* const* output, int channels, int frames) noexcept {
  state_->processor.process(input, output, channels, frames);
}
void LiveProcessor::process(const float* const* input, const float* const* side, float* const* output, int channels, int frames) noexcept {
  state_->processor.process(input, side, output, channels, frames);
}
std::int64_t LiveProcessor::latency_samples() const noexcept {
  return state_->processor.latency_samples();
}

void LiveProcessor::set_prompt(const std::string& prompt) {
  set_prompts({{prompt, 1}});
}
void LiveProcessor::set_prompts(std::vector<WeightedPrompt> mix) {
  state_->processor.request(live::PromptRequest{std::move(mix)});
}
void LiveProcessor::set_control(const std::string& group, std::vector<float> values, std::size_t frames) {
  state_->processor.request(live::ControlRequest{group, std::move(values), frames});
}
void LiveProcessor::choose_sketch(std::vector<std::string> kinds, std::optional<int> smoothing) {
  state_->processor.request(live::SketchRequest{std::move(kinds), smoothing});
}
void LiveProcessor::tune(const Tuning& tuning) {
  state_->processor.request(live::TuningRequest{tuning});
}
void LiveProcessor::set_strength(const std::string& kind, double strength) {
  state_->processor.request(live::StrengthRequest{kind, strength});
}
void LiveProcessor::set_frozen(bool frozen) noexcept {
  state_->processor.set_frozen(frozen);
}
void LiveProcessor::set_playing(bool playing) noexcept {
  state_->processor.set_playing(playing);
}
void LiveProcessor::reset() {
  state_->processor.reset();
}

LiveMetrics LiveProcessor::metrics() const noexcept {
  return state_->processor.metrics();
}
std::string LiveProcessor::failure() const {
  return state_->processor.failure();
}
std::string LiveProcessor::notice() const {
  return state_->processor.notice();
}
std::vector<BlockReport> LiveProcessor::take_reports() {
  return state_->processor.take_reports();
}

}  // namespace lmdm
