#pragma once

#include <juce_gui_basics/juce_gui_basics.h>

namespace lmdm::plugin {

/// A rotary slider: dragged, wheeled, or moved by arrow, page, home and end keys.
class Dial final : public juce::Slider {
 public:
  explicit Dial(juce::Colour colour);

  /// Return was pressed: a person wants to type the value.
  std::function<void()> on_return;

  void paint(juce::Graphics& g) override;
  bool keyPressed(const juce::KeyPress& key) override;
  void enablementChanged() override { repaint(); }

 private:
  juce::Colour colour_;
};

/// Moves a slider by keys, a step at a time, as one gesture for the host. Returns whether the key was one of them.
bool move_by_key(juce::Slider& slider, const juce::KeyPress& key);

}  // namespace lmdm::plugin
