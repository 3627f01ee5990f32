#include "processor/plugin_processor.h"

#include "parameters/ids.h"
#include "parameters/layout.h"

namespace lmdm::plugin {
namespace {

using Set = juce::AudioChannelSet;

bool mono_or_stereo(const Set& set) {
  return set == Set::mono() || set == Set::stereo();
}

}  // namespace

juce::AudioProcessor::BusesProperties PluginProcessor::buses() {
  return BusesProperties()
      .withInput("Input", Set::stereo())
      .withOutput("Output", Set::stereo())
      .withInput("Accompaniment", Set::stereo(), false);
}

PluginProcessor::PluginProcessor() : AudioProcessor(buses()), parameters_(*this, nullptr, "parameters", parameter_layout()) {}

const juce::String PluginProcessor::getName() const {
  return "Generative Delay";
}

bool PluginProcessor::isBusesLayoutSupported(const BusesLayout& layouts) const {
  const Set main = layouts.getMainInputChannelSet(), side = layouts.getChannelSet(true, 1);
  return mono_or_stereo(main) && main == layouts.getMainOutputChannelSet() && (side.isDisabled() || mono_or_stereo(side));
}

void PluginProcessor::prepareToPlay(double, int) {}
void PluginProcessor::releaseResources() {}
void PluginProcessor::processBlock(juce::AudioBuffer<float>&, juce::MidiBuffer&) {}

juce::AudioProcessorEditor* PluginProcessor::createEditor() {
  return new juce::GenericAudioProcessorEditor(*this);
}

void PluginProcessor::getStateInformation(juce::MemoryBlock&) {}
void PluginProcessor::setStateInformation(const void*, int) {}

juce::AudioProcessorParameter* PluginProcessor::getBypassParameter() const {
  return parameters_.getParameter(ids::bypass);
}

}  // namespace lmdm::plugin
