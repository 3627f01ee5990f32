#include "editor/prompt_field.h"

#include "editor/look.h"
#include "editor/offered.h"
#include "editor/palette.h"

namespace lmdm::plugin {

PromptField::PromptField(View& view, Slot slot)
    : view_(view), slot_(slot), colour_(slot == Slot::a ? palette::prompt_a : palette::prompt_b) {
  field_.setMultiLine(false);
  field_.setSelectAllWhenFocused(true);
  field_.setTitle(slot == Slot::a ? "Prompt A" : "Prompt B");
  field_.setDescription("What the music sounds like on this side of the crossfader. Return takes it, Escape takes it back.");
  field_.setTextToShowWhenEmpty("what it should sound like", palette::quiet);
  field_.setColour(juce::TextEditor::outlineColourId, colour_.withAlpha(0.7F));
  field_.onReturnKey = [this] { commit(); };
  field_.onFocusLost = [this] { commit(); };
  field_.onEscapeKey = [this] { show(view_.prompt(slot_)); };
  addAndMakeVisible(field_);
  show(view.prompt(slot));
}

void PromptField::refresh() {
  if (field_.hasKeyboardFocus(true)) return;
  const juce::String prompt = view_.prompt(slot_);
  if (prompt != field_.getText()) show(prompt);
}

void PromptField::paint(juce::Graphics& g) {
  const Look& look = Look::of(*this);
  const auto badge = getLocalBounds().removeFromLeft(look.pixels(32)).toFloat();
  g.setColour(colour_);
  g.fillRoundedRectangle(badge.withTrimmedRight(look.length(-6)), look.length(5));
  draw_text(g, slot_ == Slot::a ? "A" : "B", badge, juce::Justification::centred, look.font(Text::heading), palette::dark);
}

void PromptField::resized() {
  const Look& look = Look::of(*this);
  field_.setBounds(getLocalBounds().withTrimmedLeft(look.pixels(32)));
  fit_font();
}

/// As large as the prompt leaves room for.
void PromptField::fit_font() {
  const Look& look = Look::of(*this);
  const float room = static_cast<float>(field_.getWidth()) - look.length(20);
  juce::Font font;
  for (const Text size : {Text::heading, Text::value, Text::small}) {
    font = look.font(size).withStyle(juce::Font::plain);
    if (font.getStringWidthFloat(field_.getText()) <= room) break;
  }
  field_.setIndents(look.pixels(8), (field_.getHeight() - juce::roundToInt(font.getHeight())) / 2);
  field_.applyFontToAllText(font);
}

void PromptField::commit() {
  const juce::String typed = field_.getText().trim();
  if (typed != view_.prompt(slot_)) view_.set_prompt(slot_, typed);
  show(typed);
}

void PromptField::show(const juce::String& prompt) {
  field_.setText(prompt, false);
  field_.setCaretPosition(0);
  fit_font();
}

}  // namespace lmdm::plugin
