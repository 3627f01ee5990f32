#include "editor/header.h"

#include <utility>

#include "editor/look.h"
#include "editor/offered.h"
#include "editor/palette.h"

namespace lmdm::plugin {
namespace {

constexpr float choose_width = 150, condition_width = 152;

/// Names of bundles can be of any length, and no text of ours is cut in the middle of a word without saying so.
juce::String shortened(const juce::String& name, const juce::Font& font, float width) {
  if (font.getStringWidthFloat(name) <= width) return name;
  const juce::String dots = juce::String::fromUTF8("\xe2\x80\xa6");
  juce::String kept = name;
  while (kept.isNotEmpty() && font.getStringWidthFloat(kept + dots) > width) kept = kept.dropLastCharacters(1);
  return kept.trimEnd() + dots;
}

}  // namespace

Header::Header(std::function<void()> choose) {
  choose_.onClick = std::move(choose);
  describe(choose_, "Choose bundle", "Loads another instrument: a bundle, or a folder with bundles of several block lengths.");
  addAndMakeVisible(choose_);
}

void Header::show(const Status& status) {
  const juce::String name = status.bundle.empty() ? "Generative Delay" : juce::String(status.instrument);
  const ConditionText condition = condition_text(status);
  const juce::String able = abilities(status);
  if (name == name_ && condition == condition_ && able == abilities_) return;
  if (condition.shape != condition_.shape) {
    juce::AccessibilityHandler::postAnnouncement(condition.word, juce::AccessibilityHandler::AnnouncementPriority::medium);
  }
  name_ = name;
  condition_ = condition;
  abilities_ = able;
  setTitle("Instrument " + name + ", " + condition.word);
  setDescription(able);
  repaint();
}

void Header::paint(juce::Graphics& g) {
  const Look& look = Look::of(*this);
  auto area = getLocalBounds().toFloat();
  area.removeFromRight(look.length(choose_width + 8));

  auto pill = area.removeFromRight(look.length(condition_width)).withSizeKeepingCentre(look.length(condition_width), look.length(34));
  g.setColour(palette::panel);
  g.fillRoundedRectangle(pill, pill.getHeight() / 2);
  g.setColour(condition_.colour);
  g.drawRoundedRectangle(pill.reduced(look.length(0.75F)), pill.getHeight() / 2, look.length(1.5F));
  const juce::Font word = look.font(Text::value).boldened();
  auto inside = pill.withSizeKeepingCentre(word.getStringWidthFloat(condition_.word) + look.length(24), pill.getHeight());
  draw_shape(g, condition_.shape, condition_.colour,
             inside.removeFromLeft(look.length(22)).withSizeKeepingCentre(look.length(12), look.length(12)).translated(-look.length(4), 0));
  draw_text(g, condition_.word, inside.expanded(1, 0), juce::Justification::centredLeft, word, condition_.colour);

  area.removeFromRight(look.length(8));
  const juce::Font title = look.font(Text::title);
  draw_text(g, shortened(name_, title, area.getWidth()), area.removeFromTop(area.getHeight() * 0.58F), juce::Justification::centredLeft,
            title, palette::text);
  draw_text(g, shortened(abilities_, look.font(Text::label), area.getWidth()), area, juce::Justification::centredLeft,
            look.font(Text::label), palette::quiet);
}

void Header::resized() {
  const Look& look = Look::of(*this);
  choose_.setBounds(
      getLocalBounds().removeFromRight(look.pixels(choose_width)).withSizeKeepingCentre(look.pixels(choose_width), look.pixels(34)));
}

}  // namespace lmdm::plugin
