#pragma once

#include <juce_audio_processors/juce_audio_processors.h>

namespace lmdm::plugin {

/// The generative delay in a host.
class PluginProcessor final : public juce::AudioProcessor {
 public:
  PluginProcessor();

  const juce::String getName() const override;
  bool acceptsMidi() const override { return true; }
  bool producesMidi() const override { return false; }
  double getTailLengthSeconds() const override { return 0; }
  int getNumPrograms() override { return 1; }
  int getCurrentProgram() override { return 0; }
  void setCurrentProgram(int) override {}
  const juce::String getProgramName(int) override { return {}; }
  void changeProgramName(int, const juce::String&) override {}

  bool isBusesLayoutSupported(const BusesLayout& layouts) const override;
  void prepareToPlay(double rate, int largest_block) override;
  void releaseResources() override;
  void processBlock(juce::AudioBuffer<float>& audio, juce::MidiBuffer& midi) override;

  juce::AudioProcessorEditor* createEditor() override;
  bool hasEditor() const override { return true; }
  void getStateInformation(juce::MemoryBlock& state) override;
  void setStateInformation(const void* data, int size) override;
  juce::AudioProcessorParameter* getBypassParameter() const override;

 private:
  [[nodiscard]] static BusesProperties buses();

  juce::AudioProcessorValueTreeState parameters_;
};

}  // namespace lmdm::plugin
