#pragma once

#include <juce_audio_processors/juce_audio_processors.h>

#include <memory>
#include <vector>

#include "editor/knob.h"
#include "view/view.h"

namespace lmdm::plugin {

/// All knobs, in groups: the delay, the sketch, the music.
class KnobRow final : public juce::Component {
 public:
  explicit KnobRow(juce::AudioProcessorValueTreeState& parameters);

  void show(const Status& status);

  void paint(juce::Graphics& g) override;
  void resized() override;

 private:
  struct Group {
    juce::String name;
    juce::Colour colour;
    std::vector<Knob*> knobs;
    juce::Rectangle<int> bounds = {};
  };

  Knob& add(Group& group, const char* id, const KnobText& text);

  juce::AudioProcessorValueTreeState& parameters_;
  std::vector<std::unique_ptr<Knob>> knobs_;
  std::vector<Group> groups_;
  Knob *pitch_, *loudness_, *guidance_;
};

}  // namespace lmdm::plugin
