#pragma once

#include <juce_gui_basics/juce_gui_basics.h>

namespace lmdm::plugin {

/// Names a control for those who see it, hover over it, or hear it read.
template <class Control>
void describe(Control& control, const juce::String& title, const juce::String& help) {
  control.setTitle(title);
  control.setTooltip(help);
  control.setDescription(help);
}

/// Enables a control, or disables it and says why where its help was: `refusal` is empty where it is offered.
template <class Control>
void offer(Control& control, const juce::String& help, const juce::String& refusal) {
  const juce::String& said = refusal.isEmpty() ? help : refusal;
  control.setEnabled(refusal.isEmpty());
  control.setTooltip(said);
  control.setDescription(said);
}

}  // namespace lmdm::plugin
