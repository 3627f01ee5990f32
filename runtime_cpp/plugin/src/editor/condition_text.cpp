#include "editor/condition_text.h"

#include <numbers>

#include "editor/palette.h"

namespace lmdm::plugin {

ConditionText condition_text(const Status& status) {
  using Shape = ConditionText::Shape;
  switch (status.condition) {
    case Condition::no_bundle:
      return {"no instrument", palette::quiet, Shape::ring};
    case Condition::loading:
      return {"loading " + juce::String(juce::roundToInt(100 * status.progress)) + " %", palette::frozen, Shape::arc};
    case Condition::ready:
      return {status.offline  ? "ready, offline"
              : status.frozen ? "frozen"
                              : "ready",
              status.frozen ? palette::frozen : palette::heard, Shape::disc};
    case Condition::overloaded:
      return {"overloaded", palette::warning, Shape::triangle};
    case Condition::failed:
      break;
  }
  return {"failed", palette::alarm, Shape::cross};
}

void draw_shape(juce::Graphics& g, ConditionText::Shape shape, juce::Colour colour, juce::Rectangle<float> square) {
  using Shape = ConditionText::Shape;
  const float thickness = square.getWidth() / 6;
  const auto inner = square.reduced(thickness / 2);
  g.setColour(colour);
  juce::Path path;
  switch (shape) {
    case Shape::disc:
      g.fillEllipse(square);
      return;
    case Shape::ring:
      path.addEllipse(inner);
      break;
    case Shape::arc:
      path.addArc(inner.getX(), inner.getY(), inner.getWidth(), inner.getHeight(), 0, 1.5F * std::numbers::pi_v<float>, true);
      break;
    case Shape::triangle:
      path.addTriangle(square.getBottomLeft(), {square.getCentreX(), square.getY()}, square.getBottomRight());
      g.fillPath(path);
      return;
    case Shape::cross:
      path.startNewSubPath(inner.getTopLeft());
      path.lineTo(inner.getBottomRight());
      path.startNewSubPath(inner.getTopRight());
      path.lineTo(inner.getBottomLeft());
      break;
  }
  g.strokePath(path, juce::PathStrokeType(thickness));
}

juce::String abilities(const Status& status) {
  if (status.bundle.empty()) return "an instrument is a bundle, a folder with a manifest.json";
  juce::String text = status.has_pitch && status.has_loudness ? "follows pitch and loudness"
                      : status.has_pitch                      ? "follows pitch"
                      : status.has_loudness                   ? "follows loudness"
                                                              : "plays on its own";
  if (status.has_accompaniment) text += ", accompanies the side chain";
  return text;
}

juce::String refusal(const Status& status, bool has, const char* sentence) {
  if (has) return {};
  return status.bundle.empty() ? "No instrument is loaded; choose a bundle first." : sentence;
}

}  // namespace lmdm::plugin
