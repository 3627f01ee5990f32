#include "editor/dial.h"

#include <algorithm>
#include <numbers>
#include <optional>

#include "editor/look.h"
#include "editor/palette.h"

namespace lmdm::plugin {
namespace {

constexpr float pi = std::numbers::pi_v<float>;
constexpr float first_angle = 1.25F * pi, last_angle = 2.75F * pi;

/// Where a key takes a slider, as a share of its range.
std::optional<double> target(juce::Slider& slider, const juce::KeyPress& key) {
  const double at = slider.valueToProportionOfLength(slider.getValue());
  const double least = slider.getInterval() > 0 ? slider.getInterval() / slider.getRange().getLength() : 0;
  const double small = std::max(0.01, least), large = std::max(0.1, least);
  const int code = key.getKeyCode();
  if (code == juce::KeyPress::rightKey || code == juce::KeyPress::upKey) return at + small;
  if (code == juce::KeyPress::leftKey || code == juce::KeyPress::downKey) return at - small;
  if (code == juce::KeyPress::pageUpKey) return at + large;
  if (code == juce::KeyPress::pageDownKey) return at - large;
  if (code == juce::KeyPress::homeKey) return 0;
  if (code == juce::KeyPress::endKey) return 1;
  return std::nullopt;
}

}  // namespace

Dial::Dial(juce::Colour colour) : juce::Slider(RotaryHorizontalVerticalDrag, NoTextBox), colour_(colour) {
  setRotaryParameters(first_angle, last_angle, true);
  setWantsKeyboardFocus(true);
}

void Dial::paint(juce::Graphics& g) {
  const Look& look = Look::of(*this);
  const auto bounds = getLocalBounds().toFloat();
  const auto square =
      bounds.withSizeKeepingCentre(std::min(bounds.getWidth(), bounds.getHeight()), std::min(bounds.getWidth(), bounds.getHeight()));
  const auto centre = square.getCentre();
  const float thickness = look.length(5), radius = square.getWidth() / 2 - thickness / 2;
  const float angle = first_angle + static_cast<float>(valueToProportionOfLength(getValue())) * (last_angle - first_angle);
  const juce::PathStrokeType stroke(thickness, juce::PathStrokeType::curved, juce::PathStrokeType::rounded);

  juce::Path scale;
  scale.addCentredArc(centre.x, centre.y, radius, radius, 0, first_angle, last_angle, true);
  g.setColour(palette::line);
  g.strokePath(scale, stroke);
  if (isEnabled()) {
    juce::Path value;
    value.addCentredArc(centre.x, centre.y, radius, radius, 0, first_angle, std::max(angle, first_angle + 0.001F), true);
    g.setColour(colour_);
    g.strokePath(value, stroke);
  }
  const float body = radius - look.length(6);
  g.setColour(!isEnabled() ? palette::panel : isMouseOverOrDragging() ? palette::raised.brighter(0.15F) : palette::raised);
  g.fillEllipse(juce::Rectangle<float>(2 * body, 2 * body).withCentre(centre));
  g.setColour(isEnabled() ? palette::text : palette::line);
  g.drawLine({centre.getPointOnCircumference(body * 0.35F, angle), centre.getPointOnCircumference(body * 0.9F, angle)}, look.length(2.5F));
}

bool Dial::keyPressed(const juce::KeyPress& key) {
  if (key == juce::KeyPress::returnKey && on_return != nullptr) {
    on_return();
    return true;
  }
  return move_by_key(*this, key);
}

bool move_by_key(juce::Slider& slider, const juce::KeyPress& key) {
  const std::optional<double> moved = target(slider, key);
  if (!moved) return false;
  const juce::Slider::ScopedDragNotification gesture(slider);
  slider.setValue(slider.proportionOfLengthToValue(std::clamp(*moved, 0.0, 1.0)), juce::sendNotificationSync);
  return true;
}

}  // namespace lmdm::plugin
