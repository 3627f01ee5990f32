#pragma once

#include <juce_audio_processors/juce_audio_processors.h>

#include "editor/dial.h"

namespace lmdm::plugin {

/// What a knob is called, and what it does in a sentence.
struct KnobText {
  const char* label;
  const char* title;
  const char* help;
};

/// A parameter as a dial under its label and over its value, which can be typed.
class Knob final : public juce::Component {
 public:
  Knob(juce::AudioProcessorValueTreeState& parameters, const char* id, const KnobText& text, juce::Colour colour);

  /// `refusal` says why the instrument has no use for it; empty: it has.
  void set_refusal(const juce::String& refusal);
  /// Pixels that its texts need.
  [[nodiscard]] int least_width() const;
  [[nodiscard]] Dial& dial() noexcept { return dial_; }

  void paint(juce::Graphics& g) override;
  void resized() override;

 private:
  void show_value();
  void type_value();
  [[nodiscard]] juce::String value_text();

  KnobText text_;
  juce::String refusal_;
  Dial dial_;
  juce::Label value_;
  juce::AudioProcessorValueTreeState::SliderAttachment attachment_;
};

}  // namespace lmdm::plugin
