#pragma once

#include <juce_gui_basics/juce_gui_basics.h>

namespace lmdm::plugin {

/// A ring around whatever part of the editor has the keyboard. It lies over everything and takes no clicks.
class FocusRing final : public juce::Component, private juce::FocusChangeListener, private juce::ComponentListener {
 public:
  explicit FocusRing(juce::Component& editor);
  ~FocusRing() override;

  /// Null, or one outside the editor: none.
  void surround(juce::Component* component);

  void paint(juce::Graphics& g) override;

 private:
  void globalFocusChanged(juce::Component* focused) override { surround(focused); }
  void componentMovedOrResized(juce::Component& component, bool moved, bool resized) override;
  void place();

  juce::Component& editor_;
  juce::Component::SafePointer<juce::Component> focused_;
};

}  // namespace lmdm::plugin
