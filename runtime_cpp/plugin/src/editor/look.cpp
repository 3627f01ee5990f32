#include "editor/look.h"

#include "editor/palette.h"

namespace lmdm::plugin {
namespace {

constexpr float corner = 5;
constexpr float edge = 1;

}  // namespace

Look::Look() {
  setColourScheme({palette::ground, palette::raised, palette::panel, palette::line, palette::text, palette::raised, palette::dark,
                   palette::heard, palette::text});
  setColour(juce::TextButton::buttonColourId, palette::raised);
  setColour(juce::TextButton::buttonOnColourId, palette::heard);
  setColour(juce::TextButton::textColourOffId, palette::text);
  setColour(juce::TextButton::textColourOnId, palette::dark);
  setColour(juce::ComboBox::textColourId, palette::text);
  setColour(juce::PopupMenu::backgroundColourId, palette::panel);
  setColour(juce::PopupMenu::textColourId, palette::text);
  setColour(juce::PopupMenu::highlightedBackgroundColourId, palette::heard);
  setColour(juce::PopupMenu::highlightedTextColourId, palette::dark);
  setColour(juce::TextEditor::textColourId, palette::text);
  setColour(juce::TextEditor::highlightColourId, palette::frozen);
  setColour(juce::TextEditor::highlightedTextColourId, palette::dark);
  setColour(juce::CaretComponent::caretColourId, palette::text);
}

juce::Font Look::font(Text size) const {
  switch (size) {
    case Text::small:
      return juce::Font(length(13));
    case Text::label:
      return juce::Font(length(14));
    case Text::value:
      return juce::Font(length(15));
    case Text::heading:
      return juce::Font(length(17)).boldened();
    case Text::title:
      break;
  }
  return juce::Font(length(22)).boldened();
}

const Look& Look::of(const juce::Component& component) {
  static const Look fallback;
  const auto* look = dynamic_cast<const Look*>(&component.getLookAndFeel());
  return look != nullptr ? *look : fallback;
}

void Look::drawButtonBackground(juce::Graphics& g, juce::Button& button, const juce::Colour& colour, bool over, bool down) {
  const auto area = button.getLocalBounds().toFloat().reduced(length(edge) / 2);
  const bool offered = button.isEnabled();
  g.setColour(!offered ? palette::panel : down ? colour.darker(0.3F) : over ? colour.brighter(0.12F) : colour);
  g.fillRoundedRectangle(area, length(corner));
  g.setColour(palette::line.brighter(button.getToggleState() ? 0.6F : 0.0F));
  g.drawRoundedRectangle(area, length(corner), length(edge));
}

void Look::drawButtonText(juce::Graphics& g, juce::TextButton& button, bool /*over*/, bool /*down*/) {
  const bool lit = button.getToggleState();
  const juce::Colour colour =
      !button.isEnabled() ? palette::off : button.findColour(lit ? juce::TextButton::textColourOnId : juce::TextButton::textColourOffId);
  const bool hurried = button.getProperties().contains(Look::big);
  draw_text(g, button.getButtonText(), button.getLocalBounds().toFloat(), juce::Justification::centred,
            font(hurried ? Text::heading : Text::label), colour);
}

void Look::drawComboBox(juce::Graphics& g, int width, int height, bool /*down*/, int /*x*/, int /*y*/, int /*w*/, int /*h*/,
                        juce::ComboBox& box) {
  const auto area = juce::Rectangle<float>(static_cast<float>(width), static_cast<float>(height)).reduced(length(edge) / 2);
  g.setColour(!box.isEnabled() ? palette::panel : box.isMouseOver(true) ? palette::raised.brighter(0.12F) : palette::raised);
  g.fillRoundedRectangle(area, length(corner));
  g.setColour(palette::line);
  g.drawRoundedRectangle(area, length(corner), length(edge));
  const auto arrow = area.withLeft(area.getRight() - length(20)).withSizeKeepingCentre(length(8), length(5));
  juce::Path path;
  path.startNewSubPath(arrow.getTopLeft());
  path.lineTo(arrow.getCentreX(), arrow.getBottom());
  path.lineTo(arrow.getTopRight());
  g.setColour(box.isEnabled() ? palette::quiet : palette::line);
  g.strokePath(path, juce::PathStrokeType(length(1.6F)));
}

juce::Font Look::getComboBoxFont(juce::ComboBox& /*box*/) {
  return font(Text::label);
}

void Look::positionComboBoxText(juce::ComboBox& box, juce::Label& label) {
  label.setBounds(box.getLocalBounds().withTrimmedRight(pixels(20)));
  label.setBorderSize({0, pixels(7), 0, 0});
  label.setMinimumHorizontalScale(1);
  label.setFont(font(Text::label));
  label.setColour(juce::Label::textColourId, box.isEnabled() ? palette::text : palette::off);
}

void Look::drawLabel(juce::Graphics& g, juce::Label& label) {
  if (label.isBeingEdited()) return;
  // Not paler where it is disabled: its colour says so, and must stay readable.
  draw_text(g, label.getText(), label.getBorderSize().subtractedFrom(label.getLocalBounds()).toFloat(), label.getJustificationType(),
            label.getFont(), label.findColour(juce::Label::textColourId));
}

juce::Font Look::getPopupMenuFont() {
  return font(Text::value);
}

void Look::fillTextEditorBackground(juce::Graphics& g, int width, int height, juce::TextEditor& editor) {
  if (dynamic_cast<juce::Label*>(editor.getParentComponent()) != nullptr) {
    g.fillAll(palette::raised);
    return;
  }
  g.setColour(palette::panel);
  g.fillRoundedRectangle(juce::Rectangle<float>(static_cast<float>(width), static_cast<float>(height)), length(corner));
}

void Look::drawTextEditorOutline(juce::Graphics& g, int width, int height, juce::TextEditor& editor) {
  const auto area = juce::Rectangle<float>(static_cast<float>(width), static_cast<float>(height)).reduced(length(edge) / 2);
  g.setColour(editor.findColour(juce::TextEditor::outlineColourId));
  g.drawRoundedRectangle(area, length(corner), length(edge));
}

juce::TextLayout Look::tooltip_layout(const juce::String& tip) const {
  juce::AttributedString string;
  string.append(tip, font(Text::label), palette::text);
  juce::TextLayout layout;
  layout.createLayoutWithBalancedLineLengths(string, length(320));
  return layout;
}

juce::Rectangle<int> Look::getTooltipBounds(const juce::String& tip, juce::Point<int> position, juce::Rectangle<int> area) {
  const juce::TextLayout layout = tooltip_layout(tip);
  const int width = static_cast<int>(std::ceil(layout.getWidth() + length(20))),
            height = static_cast<int>(std::ceil(layout.getHeight() + length(14)));
  const bool right = position.x > area.getCentreX(), low = position.y > area.getCentreY();
  return juce::Rectangle<int>(right ? position.x - width - pixels(10) : position.x + pixels(16),
                              low ? position.y - height - pixels(8) : position.y + pixels(18), width, height)
      .constrainedWithin(area);
}

void Look::drawTooltip(juce::Graphics& g, const juce::String& tip, int width, int height) {
  const juce::Rectangle<int> area(width, height);
  g.fillAll(palette::raised);
  g.setColour(palette::quiet);
  g.drawRect(area, 1);
  tooltip_layout(tip).draw(g, area.toFloat().reduced(length(10), length(7)));
}

void draw_text(juce::Graphics& g, const juce::String& text, juce::Rectangle<float> area, juce::Justification place, const juce::Font& font,
               juce::Colour colour) {
  g.setColour(colour);
  g.setFont(font);
  g.drawText(text, area, place, true);
}

}  // namespace lmdm::plugin
