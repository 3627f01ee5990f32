#include "editor/state_card.h"

#include <algorithm>
#include <utility>

#include "editor/look.h"
#include "editor/offered.h"
#include "editor/palette.h"

namespace lmdm::plugin {
namespace {

juce::String heading(Condition condition) {
  switch (condition) {
    case Condition::no_bundle:
      return "Choose an instrument";
    case Condition::loading:
      return "Loading";
    case Condition::overloaded:
      return "Overloaded";
    case Condition::failed:
      return "The music stopped";
    case Condition::ready:
      break;
  }
  return {};
}

}  // namespace

StateCard::StateCard(std::function<void()> choose, std::function<void()> start_again) {
  choose_.onClick = std::move(choose);
  again_.onClick = std::move(start_again);
  describe(choose_, "Choose a bundle to play", "Loads an instrument: a bundle, or a folder with bundles of several block lengths.");
  describe(again_, "Start again after the failure", "Begins a new piece with the same instrument.");
  addChildComponent(choose_);
  addChildComponent(again_);
}

void StateCard::show(const Status& status, bool plays_on) {
  const bool narrow = status.condition == Condition::overloaded || (status.condition == Condition::loading && plays_on);
  const juce::String sentence(status.sentence);
  if (condition_ == status.condition && narrow == narrow_ && sentence == sentence_ && progress_ == status.progress) return;
  condition_ = status.condition;
  narrow_ = narrow;
  sentence_ = sentence;
  progress_ = status.progress;
  const ConditionText text = condition_text(status);
  shape_ = text.shape;
  colour_ = text.colour;
  heading_ = heading(condition_);
  setTitle(heading_);
  setDescription(sentence_);
  setTooltip(sentence_);
  setVisible(condition_ != Condition::ready);
  choose_.setVisible(condition_ == Condition::no_bundle || condition_ == Condition::failed);
  again_.setVisible(condition_ == Condition::failed);
  // What helps most often is the bright one.
  juce::TextButton& best = again_.isVisible() ? again_ : choose_;
  for (juce::TextButton* button : {&choose_, &again_}) {
    button->setColour(juce::TextButton::buttonColourId, button == &best ? palette::heard : palette::raised);
    button->setColour(juce::TextButton::textColourOffId, button == &best ? palette::dark : palette::text);
  }
  resized();
  repaint();
}

int StateCard::inset() const {
  return isVisible() && narrow_ ? juce::roundToInt(card().getBottom()) + Look::of(*this).pixels(6) : 0;
}

void StateCard::paint(juce::Graphics& g) {
  const Look& look = Look::of(*this);
  if (!narrow_) g.fillAll(palette::ground.withAlpha(0.8F));
  auto area = card();
  g.setColour(palette::panel);
  g.fillRoundedRectangle(area, look.length(8));
  g.setColour(colour_);
  g.drawRoundedRectangle(area.reduced(look.length(0.75F)), look.length(8), look.length(1.5F));
  area = area.reduced(look.length(narrow_ ? 12 : 20), look.length(narrow_ ? 6 : 14));

  const juce::Font font = look.font(Text::heading);
  if (narrow_) {
    draw_shape(g, shape_, colour_, area.removeFromLeft(look.length(16)).withSizeKeepingCentre(look.length(14), look.length(14)));
    area.removeFromLeft(look.length(8));
    if (condition_ == Condition::loading) paint_progress(g, area.removeFromBottom(look.length(5)));
  } else {
    auto top = area.removeFromTop(look.length(24));
    draw_shape(g, shape_, colour_, top.removeFromLeft(look.length(18)).withSizeKeepingCentre(look.length(16), look.length(16)));
    draw_text(g, heading_, top.withTrimmedLeft(look.length(10)), juce::Justification::centredLeft, font, colour_);
    area.removeFromTop(look.length(6));
    if (condition_ == Condition::loading) paint_progress(g, area.removeFromBottom(look.length(12)));
  }
  sentence_layout(area.getWidth()).draw(g, area);
}

void StateCard::paint_progress(juce::Graphics& g, juce::Rectangle<float> area) const {
  const float corner = area.getHeight() / 2;
  g.setColour(palette::line);
  g.fillRoundedRectangle(area, corner);
  g.setColour(colour_);
  g.fillRoundedRectangle(area.withWidth(std::max(area.getHeight(), area.getWidth() * static_cast<float>(std::clamp(progress_, 0.0, 1.0)))),
                         corner);
}

juce::TextLayout StateCard::sentence_layout(float width) const {
  const Look& look = Look::of(*this);
  const auto laid = [&](const juce::String& text, Text size) {
    juce::AttributedString string;
    string.setLineSpacing(look.length(2));
    string.append(text, look.font(size), palette::text);
    juce::TextLayout layout;
    layout.createLayout(string, width);
    return layout;
  };
  const auto height = static_cast<float>(getHeight());
  const float room = narrow_ ? height / 3 : height - look.length(64) - foot();
  for (const Text size : {Text::value, Text::label, Text::small}) {
    if (narrow_ && size == Text::value) continue;
    juce::TextLayout layout = laid(sentence_, size);
    if (layout.getHeight() <= room) return layout;
  }
  // All of it is in the tooltip.
  for (int kept = sentence_.length(); kept > 0; kept -= 8) {
    juce::TextLayout layout = laid(sentence_.substring(0, kept).trimEnd() + juce::String::fromUTF8("\xe2\x80\xa6"), Text::small);
    if (layout.getHeight() <= room) return layout;
  }
  return {};
}

float StateCard::foot() const {
  const Look& look = Look::of(*this);
  return choose_.isVisible() ? look.length(50) : condition_ == Condition::loading ? look.length(24) : 0;
}

void StateCard::resized() {
  const Look& look = Look::of(*this);
  auto row = card().toNearestInt().reduced(look.pixels(20), look.pixels(14));
  row = row.removeFromBottom(look.pixels(38));
  again_.setBounds(row.removeFromLeft(again_.isVisible() ? look.pixels(130) : 0));
  row.removeFromLeft(again_.isVisible() ? look.pixels(10) : 0);
  choose_.setBounds(row.removeFromLeft(look.pixels(160)));
}

bool StateCard::hitTest(int x, int y) {
  return card().toNearestInt().contains(x, y);
}

juce::Rectangle<float> StateCard::card() const {
  const Look& look = Look::of(*this);
  const auto all = getLocalBounds().toFloat();
  if (narrow_) {
    const float width = all.getWidth();
    const float text = sentence_layout(width - look.length(48)).getHeight();
    const float height = text + look.length(condition_ == Condition::loading ? 22 : 14);
    return juce::Rectangle<float>(width, height).withCentre({all.getCentreX(), 0}).withY(look.length(1));
  }
  const float width = std::min(all.getWidth() - look.length(24), look.length(560));
  const float text = sentence_layout(width - look.length(40)).getHeight();
  return all.withSizeKeepingCentre(width, text + foot() + look.length(60));
}

}  // namespace lmdm::plugin
