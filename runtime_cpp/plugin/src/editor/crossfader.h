#pragma once

#include <juce_audio_processors/juce_audio_processors.h>

namespace lmdm::plugin {

/// How much of prompt B is in the colour: all the way left is A, all the way right is B.
class Crossfader final : public juce::Slider {
 public:
  explicit Crossfader(juce::AudioProcessorValueTreeState& parameters);

  void paint(juce::Graphics& g) override;
  bool keyPressed(const juce::KeyPress& key) override;

 private:
  juce::AudioProcessorValueTreeState::SliderAttachment attachment_;
};

}  // namespace lmdm::plugin
