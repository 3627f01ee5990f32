#pragma once

#include <juce_gui_basics/juce_gui_basics.h>

#include "view/view.h"

namespace lmdm::plugin {

/// A condition in a word or two, with its colour and a shape that tells it from the others without colour.
struct ConditionText {
  juce::String word;
  juce::Colour colour;
  enum class Shape { ring, arc, disc, triangle, cross } shape = Shape::ring;
  bool operator==(const ConditionText&) const = default;
};

[[nodiscard]] ConditionText condition_text(const Status& status);

/// Draws a condition's shape into a square.
void draw_shape(juce::Graphics& g, ConditionText::Shape shape, juce::Colour colour, juce::Rectangle<float> square);

/// What the instrument can follow, in a sentence without a full stop.
[[nodiscard]] juce::String abilities(const Status& status);

/// Why a control that the instrument lacks is disabled; empty where `has`.
[[nodiscard]] juce::String refusal(const Status& status, bool has, const char* sentence);

}  // namespace lmdm::plugin
