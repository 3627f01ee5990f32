#pragma once

#include <stdexcept>
#include <vector>

#include "editor_fake.h"

/// Finding the controls of an editor as a person would.
namespace lmdm::plugin::test {

template <class Found>
void visit(juce::Component& component, const Found& found) {
  for (juce::Component* child : component.getChildren()) {
    if (!child->isVisible()) continue;
    found(*child);
    visit(*child, found);
  }
}

inline bool is_control(const juce::Component& component) {
  // A list holds a label of its own, a text field a view of its own, and neither has the keyboard.
  return dynamic_cast<const juce::Slider*>(&component) != nullptr || dynamic_cast<const juce::Button*>(&component) != nullptr ||
         dynamic_cast<const juce::ComboBox*>(&component) != nullptr || dynamic_cast<const juce::TextEditor*>(&component) != nullptr;
}

inline std::vector<juce::Component*> controls_of(EditorWindow& editor) {
  std::vector<juce::Component*> found;
  visit(editor, [&](juce::Component& component) {
    if (is_control(component)) found.push_back(&component);
  });
  return found;
}

/// In the order in which Tab meets them.
inline std::vector<juce::Component*> by_tab(EditorWindow& editor) {
  juce::KeyboardFocusTraverser traverser;
  std::vector<juce::Component*> met;
  for (juce::Component* at = traverser.getDefaultComponent(&editor); at != nullptr; at = traverser.getNextComponent(at)) met.push_back(at);
  return met;
}

/// The control that is called so.
template <class Control = juce::Component>
Control& control(Stage& stage, const juce::String& title) {
  for (juce::Component* found : controls_of(*stage.editor)) {
    if (found->getTitle() == title) return dynamic_cast<Control&>(*found);
  }
  throw std::runtime_error("no control is called " + title.toStdString());
}

inline juce::String tooltip_of(juce::Component& component) {
  auto* client = dynamic_cast<juce::TooltipClient*>(&component);
  return client == nullptr ? juce::String() : client->getTooltip();
}

}  // namespace lmdm::plugin::test
