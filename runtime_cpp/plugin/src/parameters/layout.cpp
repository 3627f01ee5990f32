#include "parameters/layout.h"

#include <memory>
#include <utility>

#include "parameters/ids.h"
#include "parameters/text.h"

namespace lmdm::plugin {
namespace {

constexpr int version_hint = 1;

using Layout = juce::AudioProcessorValueTreeState::ParameterLayout;
using Range = juce::NormalisableRange<float>;

// Every range has a step: a value that was saved is a value that is restored, to the bit.
void add_decibels(Layout& layout, const char* id, const char* name) {
  layout.add(std::make_unique<juce::AudioParameterFloat>(juce::ParameterID{id, version_hint}, name, Range(-60, 12, 0.1F), 0.0F,
                                                         juce::AudioParameterFloatAttributes()
                                                             .withLabel("dB")
                                                             .withStringFromValueFunction(text::decibels)
                                                             .withValueFromStringFunction(text::number)));
}

void add_share(Layout& layout, const char* id, const char* name, float value) {
  layout.add(std::make_unique<juce::AudioParameterFloat>(juce::ParameterID{id, version_hint}, name, Range(0, 1, 0.001F), value,
                                                         juce::AudioParameterFloatAttributes()
                                                             .withLabel("%")
                                                             .withStringFromValueFunction(text::percent)
                                                             .withValueFromStringFunction(text::share)));
}

juce::AudioParameterIntAttributes whole_attributes() {
  return juce::AudioParameterIntAttributes().withStringFromValueFunction(text::whole).withValueFromStringFunction(text::whole_number);
}

/// What rebuilds the engine, or moves the latency, is no matter for automation.
void add_structural_choice(Layout& layout, const char* id, const char* name, const juce::StringArray& choices) {
  layout.add(std::make_unique<juce::AudioParameterChoice>(juce::ParameterID{id, version_hint}, name, choices, 0,
                                                          juce::AudioParameterChoiceAttributes().withAutomatable(false)));
}

void add_switch(Layout& layout, const char* id, const char* name) {
  layout.add(std::make_unique<juce::AudioParameterBool>(juce::ParameterID{id, version_hint}, name, false));
}

}  // namespace

Layout parameter_layout() {
  Layout layout;
  add_decibels(layout, ids::input_gain, "Input gain");
  add_decibels(layout, ids::output_gain, "Output gain");
  add_share(layout, ids::mix, "Mix", 0.5F);
  add_share(layout, ids::pitch, "Pitch", 1);
  add_share(layout, ids::loudness, "Loudness", 1);
  add_share(layout, ids::crossfade, "Crossfade", 0);
  add_share(layout, ids::context_drop, "Context drop", 0.7F);
  add_share(layout, ids::feedback, "Feedback", 1);
  layout.add(std::make_unique<juce::AudioParameterInt>(juce::ParameterID{ids::steps, version_hint}, "Steps", 0, 16, 0,
                                                       juce::AudioParameterIntAttributes()
                                                           .withStringFromValueFunction(text::steps)
                                                           .withValueFromStringFunction(text::steps_number)
                                                           .withAutomatable(false)));
  layout.add(std::make_unique<juce::AudioParameterFloat>(juce::ParameterID{ids::guidance, version_hint}, "Guidance", Range(0, 10, 0.01F),
                                                         0.0F,
                                                         juce::AudioParameterFloatAttributes()
                                                             .withStringFromValueFunction(text::guidance)
                                                             .withValueFromStringFunction(text::guidance_number)));
  layout.add(std::make_unique<juce::AudioParameterInt>(juce::ParameterID{ids::seed, version_hint}, "Seed", 0, 9999, 0, whole_attributes()));
  add_switch(layout, ids::freeze, "Freeze");
  add_structural_choice(layout, ids::monitor, "Monitor", {"Aligned", "Direct"});
  layout.add(std::make_unique<juce::AudioParameterInt>(juce::ParameterID{ids::layout, version_hint}, "Block length", 0, most_layouts - 1, 0,
                                                       whole_attributes().withAutomatable(false)));
  add_structural_choice(layout, ids::headroom, "Headroom", {"Auto", "50 ms", "100 ms", "200 ms", "400 ms", "Whole block"});
  add_structural_choice(layout, ids::underrun, "Underrun", {"Silence", "Dry"});
  add_switch(layout, ids::bypass, "Bypass");
  return layout;
}

}  // namespace lmdm::plugin
