#pragma once

#include <juce_audio_processors/juce_audio_processors.h>

#include <memory>
#include <vector>

namespace lmdm::plugin {

/// A setting with a few values as a list beside its label.
class Choice final : public juce::Component {
 public:
  /// Of a parameter whose values are always the same.
  Choice(juce::AudioProcessorValueTreeState& parameters, const char* id, const char* label, const char* help);
  /// Of one whose values the instrument says, by `set_items`.
  struct Open {};
  Choice(Open, juce::AudioProcessorValueTreeState& parameters, const char* id, const char* label, const char* help);
  ~Choice() override;

  void set_items(const juce::StringArray& items, int chosen);
  void set_refusal(const juce::String& refusal);
  [[nodiscard]] juce::ComboBox& box() noexcept { return box_; }

  void paint(juce::Graphics& g) override;
  void resized() override;

 private:
  juce::String label_, help_, refusal_;
  juce::StringArray items_;
  juce::ComboBox box_;
  std::unique_ptr<juce::ComboBoxParameterAttachment> fixed_;
  std::unique_ptr<juce::ParameterAttachment> open_;
};

}  // namespace lmdm::plugin
