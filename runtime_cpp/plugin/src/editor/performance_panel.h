#pragma once

#include <juce_audio_processors/juce_audio_processors.h>

#include "editor/choice.h"
#include "view/view.h"

namespace lmdm::plugin {

/// What is pressed on stage, over what is chosen before.
class PerformancePanel final : public juce::Component {
 public:
  explicit PerformancePanel(View& view);

  void show(const Status& status);

  void paint(juce::Graphics& g) override;
  void resized() override;

 private:
  juce::AudioProcessorValueTreeState& parameters_;
  bool held_ = false;  ///< by a pedal
  juce::TextButton freeze_{"FREEZE"}, again_{"Start again"}, bypass_{"Bypass"};
  Choice layout_, headroom_, underrun_, monitor_;
  juce::AudioProcessorValueTreeState::ButtonAttachment freeze_attachment_, bypass_attachment_;
};

}  // namespace lmdm::plugin
