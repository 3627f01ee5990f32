#pragma once

#include <juce_gui_basics/juce_gui_basics.h>

#include "view/view.h"

namespace lmdm::plugin {

/// One of the two prompts. What is typed counts from Return on, or when the field is left; Escape takes it back.
class PromptField final : public juce::Component {
 public:
  PromptField(View& view, Slot slot);

  /// Shows the prompt in force, unless somebody is typing.
  void refresh();
  [[nodiscard]] juce::TextEditor& field() noexcept { return field_; }

  void paint(juce::Graphics& g) override;
  void resized() override;

 private:
  void fit_font();
  void commit();
  void show(const juce::String& prompt);

  View& view_;
  Slot slot_;
  juce::Colour colour_;
  juce::TextEditor field_;
};

}  // namespace lmdm::plugin
