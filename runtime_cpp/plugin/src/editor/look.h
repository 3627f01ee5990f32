#pragma once

#include <juce_gui_basics/juce_gui_basics.h>

namespace lmdm::plugin {

/// Sizes of text, in units of the default window.
enum class Text { small, label, value, heading, title };

/// How widgets are drawn, and the scale of a window's contents. A window of default size has scale 1.
class Look final : public juce::LookAndFeel_V4 {
 public:
  /// Property of a button that is pressed in a hurry.
  static constexpr auto big = "big";

  Look();

  void set_scale(float scale) noexcept { scale_ = scale; }
  [[nodiscard]] juce::Font font(Text size) const;
  /// Pixels of a length in units of the default window.
  [[nodiscard]] float length(float units) const noexcept { return units * scale_; }
  [[nodiscard]] int pixels(float units) const noexcept { return juce::roundToInt(units * scale_); }

  /// That of a component inside the editor.
  [[nodiscard]] static const Look& of(const juce::Component& component);

  void drawButtonBackground(juce::Graphics& g, juce::Button& button, const juce::Colour& colour, bool over, bool down) override;
  void drawButtonText(juce::Graphics& g, juce::TextButton& button, bool over, bool down) override;
  void drawComboBox(juce::Graphics& g, int width, int height, bool down, int x, int y, int w, int h, juce::ComboBox& box) override;
  juce::Font getComboBoxFont(juce::ComboBox& box) override;
  void positionComboBoxText(juce::ComboBox& box, juce::Label& label) override;
  void drawLabel(juce::Graphics& g, juce::Label& label) override;
  juce::Font getPopupMenuFont() override;
  void fillTextEditorBackground(juce::Graphics& g, int width, int height, juce::TextEditor& editor) override;
  void drawTextEditorOutline(juce::Graphics& g, int width, int height, juce::TextEditor& editor) override;
  juce::Rectangle<int> getTooltipBounds(const juce::String& tip, juce::Point<int> position, juce::Rectangle<int> area) override;
  void drawTooltip(juce::Graphics& g, const juce::String& tip, int width, int height) override;

 private:
  [[nodiscard]] juce::TextLayout tooltip_layout(const juce::String& tip) const;

  float scale_ = 1;
};

/// One line of text at its full width; it is laid out so that it fits.
void draw_text(juce::Graphics& g, const juce::String& text, juce::Rectangle<float> area, juce::Justification place, const juce::Font& font,
               juce::Colour colour);

}  // namespace lmdm::plugin
