#include "processor/processor_view.h"

namespace lmdm::plugin {

ProcessorView::ProcessorView(juce::AudioProcessor& processor, juce::AudioProcessorValueTreeState& parameters, Conductor& conductor,
                             Session& session, Meters& meters)
    : processor_(processor), parameters_(parameters), conductor_(conductor), session_(session), meters_(meters) {}

Status ProcessorView::status() {
  const Performance performance = conductor_.performance();
  Status status;
  status.progress = performance.loading.progress;
  status.instrument = performance.facts.name;
  status.bundle = performance.facts.bundle;
  status.layouts = performance.loading.layouts;
  status.layout = performance.loading.layout;
  status.has_accompaniment = performance.facts.has_accompaniment;
  status.has_guidance = performance.facts.has_guidance;
  if (const auto& pitch = performance.facts.sketch.pitch) {
    status.has_pitch = true;
    status.pitch_hertz = pitch->axis;
  }
  if (const auto& loudness = performance.facts.sketch.loudness) {
    status.has_loudness = true;
    status.loudness_decibel = loudness->axis;
  }
  status.sample_rate = meters_.rate.load();
  if (status.sample_rate > 0) status.latency_seconds = processor_.getLatencySamples() / status.sample_rate;
  status.metrics = performance.metrics;
  status.frozen = meters_.frozen.load();
  status.offline = processor_.isNonRealtime();
  status.input_peak = Meters::take(meters_.input);
  status.output_peak = Meters::take(meters_.output);
  tell(status, performance);
  return status;
}

/// What state the instrument is in, and what to do about it.
void ProcessorView::tell(Status& status, const Performance& performance) const {
  status.condition = performance.loading.condition;
  status.sentence = performance.loading.sentence;
  const Session::Choice choice = session_.get();
  if (status.sample_rate <= 0) {
    status.condition = Condition::loading;
    status.sentence = "waiting for audio: no device or host plays yet";
  } else if (status.condition == Condition::no_bundle && !choice.name.empty()) {
    status.sentence = "this session plays the instrument " + choice.name + ": " + status.sentence;
  } else if (status.condition == Condition::ready) {
    if (status.sentence.empty()) status.sentence = performance.failure.empty() ? performance.notice : performance.failure;
    if (performance.overloaded) {
      status.condition = Condition::overloaded;
      status.sentence = "blocks come too late; choose more headroom or fewer steps, or close what else is running";
    }
    if (performance.metrics.failed) {
      status.condition = Condition::failed;
      status.sentence = performance.failure + "; start again";
    }
  }
}

double ProcessorView::now() {
  const double rate = meters_.rate.load();
  return rate > 0 ? static_cast<double>(meters_.position.load()) / rate : 0;
}

void ProcessorView::take(std::vector<SketchColumn>& sketch, std::vector<SpectrumColumn>& spectrum) {
  conductor_.pictures.take(sketch, spectrum);
}

juce::String ProcessorView::prompt(Slot slot) {
  const Session::Choice choice = session_.get();
  return juce::String::fromUTF8((slot == Slot::a ? choice.prompt_a : choice.prompt_b).c_str());
}

void ProcessorView::set_prompt(Slot slot, const juce::String& prompt) {
  session_.change([&](Session::Choice& choice) { (slot == Slot::a ? choice.prompt_a : choice.prompt_b) = prompt.toStdString(); });
  processor_.updateHostDisplay(juce::AudioProcessor::ChangeDetails().withNonParameterStateChanged(true));
}

void ProcessorView::choose_bundle(const juce::File& folder) {
  session_.change([&](Session::Choice& choice) {
    choice.folder = folder.getFullPathName().toStdString();
    choice.name.clear();
    choice.hash.clear();
  });
  conductor_.chosen();
  processor_.updateHostDisplay(juce::AudioProcessor::ChangeDetails().withNonParameterStateChanged(true));
}

void ProcessorView::start_again() {
  conductor_.try_again();
}

void ProcessorView::watch(bool watched) {
  conductor_.pictures.watch(watched);
}

}  // namespace lmdm::plugin
