#include "editor/knob.h"

#include <algorithm>

#include "editor/look.h"
#include "editor/offered.h"
#include "editor/palette.h"

namespace lmdm::plugin {

Knob::Knob(juce::AudioProcessorValueTreeState& parameters, const char* id, const KnobText& text, juce::Colour colour)
    : text_(text), dial_(colour), attachment_(parameters, id, dial_) {
  const juce::String unit = parameters.getParameter(id)->getLabel();
  if (unit.isNotEmpty()) dial_.setTextValueSuffix(" " + unit);
  describe(dial_, text.title, text.help);
  dial_.onValueChange = [this] { show_value(); };
  dial_.on_return = [this] { value_.showEditor(); };

  value_.setEditable(true, true, false);
  value_.setWantsKeyboardFocus(false);
  value_.setAccessible(false);
  value_.setJustificationType(juce::Justification::centred);
  value_.setBorderSize({});
  value_.setMinimumHorizontalScale(1);
  value_.onTextChange = [this] { type_value(); };
  value_.onEditorShow = [this] {
    juce::TextEditor& editor = *value_.getCurrentTextEditor();
    editor.setJustification(juce::Justification::centred);
    editor.setTitle(juce::String(text_.title) + ", typed");
  };
  value_.onEditorHide = [this] { show_value(); };
  addAndMakeVisible(dial_);
  addAndMakeVisible(value_);
  show_value();
}

void Knob::set_refusal(const juce::String& refusal) {
  if (refusal == refusal_) return;
  refusal_ = refusal;
  offer(dial_, text_.help, refusal);
  value_.setEnabled(refusal.isEmpty());
  value_.setTooltip(refusal);
  show_value();
  repaint();
}

int Knob::least_width() const {
  const Look& look = Look::of(*this);
  const float widest =
      std::max(look.font(Text::label).getStringWidthFloat(text_.label), look.font(Text::value).getStringWidthFloat("-60.0 dB"));
  return juce::roundToInt(std::ceil(widest)) + look.pixels(4);
}

void Knob::paint(juce::Graphics& g) {
  const Look& look = Look::of(*this);
  draw_text(g, text_.label, getLocalBounds().removeFromTop(look.pixels(18)).toFloat(), juce::Justification::centred, look.font(Text::label),
            refusal_.isEmpty() ? palette::quiet : palette::off);
}

void Knob::resized() {
  const Look& look = Look::of(*this);
  auto area = getLocalBounds();
  area.removeFromTop(look.pixels(20));
  value_.setBounds(area.removeFromBottom(look.pixels(20)));
  value_.setFont(look.font(Text::value));
  const int side = std::min(area.getWidth(), area.getHeight());
  dial_.setBounds(area.withSizeKeepingCentre(side, side));
}

void Knob::show_value() {
  value_.setColour(juce::Label::textColourId, refusal_.isEmpty() ? palette::text : palette::off);
  value_.setText(refusal_.isEmpty() ? value_text() : juce::String::fromUTF8("\xe2\x80\x93"), juce::dontSendNotification);
}

void Knob::type_value() {
  const double typed = dial_.getValueFromText(value_.getText());
  {
    const juce::Slider::ScopedDragNotification gesture(dial_);
    dial_.setValue(typed, juce::sendNotificationSync);
  }
  show_value();
}

juce::String Knob::value_text() {
  const juce::String text = dial_.getTextFromValue(dial_.getValue());
  return text.endsWith(" %") ? text.replace(".0 %", " %") : text;
}

}  // namespace lmdm::plugin
