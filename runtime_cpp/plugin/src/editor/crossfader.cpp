#include "editor/crossfader.h"

#include "editor/dial.h"
#include "editor/look.h"
#include "editor/offered.h"
#include "editor/palette.h"
#include "parameters/ids.h"

namespace lmdm::plugin {

Crossfader::Crossfader(juce::AudioProcessorValueTreeState& parameters)
    : juce::Slider(LinearHorizontal, NoTextBox), attachment_(parameters, ids::crossfade, *this) {
  setWantsKeyboardFocus(true);
  describe(*this, "Crossfade", "From prompt A to prompt B. It can be automated.");
}

void Crossfader::paint(juce::Graphics& g) {
  const Look& look = Look::of(*this);
  auto area = getLocalBounds().toFloat();
  const auto percents = area.removeFromBottom(look.length(18));
  const auto share = static_cast<float>(getValue());
  const float at = getPositionOfValue(getValue());

  const auto track = area.withSizeKeepingCentre(area.getWidth(), look.length(12));
  g.setGradientFill(juce::ColourGradient::horizontal(palette::prompt_a, track.getX(), palette::prompt_b, track.getRight()));
  g.fillRoundedRectangle(track, look.length(6));
  const auto thumb = area.withWidth(look.length(24)).withCentre({at, area.getCentreY()}).constrainedWithin(area).reduced(0, look.length(1));
  g.setColour(palette::ground);
  g.fillRoundedRectangle(thumb.expanded(look.length(2), 0), look.length(6));
  g.setColour(isMouseOverOrDragging() ? palette::focus : palette::text);
  g.fillRoundedRectangle(thumb, look.length(5));
  g.setColour(palette::prompt_a.interpolatedWith(palette::prompt_b, share));
  g.fillRect(thumb.withSizeKeepingCentre(look.length(4), thumb.getHeight() * 0.6F));

  const auto percent = [](float part) { return juce::String(juce::roundToInt(100 * part)) + " %"; };
  const juce::Font font = look.font(Text::label);
  draw_text(g, "A " + percent(1 - share), percents, juce::Justification::centredLeft, font, palette::prompt_a);
  draw_text(g, "B " + percent(share), percents, juce::Justification::centredRight, font, palette::prompt_b);
}

bool Crossfader::keyPressed(const juce::KeyPress& key) {
  return move_by_key(*this, key);
}

}  // namespace lmdm::plugin
