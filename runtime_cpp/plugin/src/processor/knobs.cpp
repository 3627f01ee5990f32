#include "processor/knobs.h"

#include <cmath>

#include "parameters/ids.h"

namespace lmdm::plugin {

Knobs::Knobs(const juce::AudioProcessorValueTreeState& parameters)
    : input_gain_(parameters.getRawParameterValue(ids::input_gain)),
      output_gain_(parameters.getRawParameterValue(ids::output_gain)),
      mix_(parameters.getRawParameterValue(ids::mix)),
      pitch_(parameters.getRawParameterValue(ids::pitch)),
      loudness_(parameters.getRawParameterValue(ids::loudness)),
      crossfade_(parameters.getRawParameterValue(ids::crossfade)),
      context_drop_(parameters.getRawParameterValue(ids::context_drop)),
      feedback_(parameters.getRawParameterValue(ids::feedback)),
      steps_(parameters.getRawParameterValue(ids::steps)),
      guidance_(parameters.getRawParameterValue(ids::guidance)),
      seed_(parameters.getRawParameterValue(ids::seed)),
      freeze_(parameters.getRawParameterValue(ids::freeze)),
      monitor_(parameters.getRawParameterValue(ids::monitor)),
      layout_(parameters.getRawParameterValue(ids::layout)),
      headroom_(parameters.getRawParameterValue(ids::headroom)),
      underrun_(parameters.getRawParameterValue(ids::underrun)),
      bypass_(parameters.getRawParameterValue(ids::bypass)) {}

Wishes Knobs::wishes(const Session::Choice& choice) const {
  Wishes wishes;
  wishes.prompt_a = choice.prompt_a;
  wishes.prompt_b = choice.prompt_b;
  wishes.crossfade = static_cast<int>(std::lround(load(*crossfade_) * Wishes::crossfade_steps));
  wishes.pitch = load(*pitch_);
  wishes.loudness = load(*loudness_);
  wishes.context_drop = load(*context_drop_);
  wishes.feedback = load(*feedback_);
  wishes.steps = static_cast<int>(load(*steps_));
  wishes.guidance = load(*guidance_);
  wishes.seed = static_cast<std::uint64_t>(load(*seed_));
  return wishes;
}

void Knobs::specify(EngineSpec& spec) const {
  spec.layout = static_cast<int>(load(*layout_));
  spec.headroom = static_cast<Headroom>(static_cast<int>(load(*headroom_)));
  spec.underrun = load(*underrun_) < 0.5F ? Underrun::silence : Underrun::dry;
  spec.measured_steps = spec.headroom == Headroom::measured && !spec.offline ? static_cast<int>(load(*steps_)) : 0;
  // Offline it makes no difference.
  if (spec.offline) spec.headroom = Headroom::measured;
}

float Knobs::gain(const std::atomic<float>& decibel) noexcept {
  return juce::Decibels::decibelsToGain(load(decibel), -200.0F);
}

}  // namespace lmdm::plugin
