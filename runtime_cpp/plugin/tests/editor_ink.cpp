#include "editor_ink.h"

#include <algorithm>
#include <cmath>

namespace lmdm::plugin::test {
namespace {

double luminance(juce::Colour colour) {
  const auto linear = [](float part) { return part <= 0.04045F ? part / 12.92 : std::pow((part + 0.055) / 1.055, 2.4); };
  return 0.2126 * linear(colour.getFloatRed()) + 0.7152 * linear(colour.getFloatGreen()) + 0.0722 * linear(colour.getFloatBlue());
}

/// The letter of a font's glyph, of those that our texts use.
char letter_of(const juce::Font& font, int glyph) {
  for (char letter = '!'; letter <= '~'; ++letter) {
    juce::Array<int> glyphs;
    juce::Array<float> places;
    font.getGlyphPositions(juce::String::charToString(static_cast<juce::juce_wchar>(letter)), glyphs, places);
    if (glyphs.getFirst() == glyph) return letter;
  }
  return '?';
}

}  // namespace

double contrast(juce::Colour one, juce::Colour other) {
  const double first = luminance(one), second = luminance(other);
  return (std::max(first, second) + 0.05) / (std::min(first, second) + 0.05);
}

void Ink::drawGlyph(int glyph, const juce::AffineTransform& transform) {
  const juce::Font font = getFont();
  juce::Path outline;
  font.getTypefacePtr()->getOutlineForGlyph(glyph, outline);
  const auto place = juce::AffineTransform::scale(font.getHeight() * font.getHorizontalScale(), font.getHeight()).followedBy(transform);
  outline.applyTransform(place);
  if (!outline.isEmpty()) {
    Letter letter;
    letter.bounds = outline.getBounds();
    letter.height = font.getHeight();
    letter.whole = getClipBounds().toFloat().expanded(0.75F).contains(letter.bounds);
    text_ += letter_of(font, glyph);
    letter.last_dot = text_.ends_with("...");
    letter.near = text_.substr(text_.size() - std::min<std::size_t>(text_.size(), 24));
    const juce::Colour colour = stack->fillType.colour;
    const auto under = letter.bounds.transformedBy(stack->transform.getTransform()).getSmallestIntegerContainer();
    for (int y = std::max(0, under.getY()); y < std::min(image_.getHeight(), under.getBottom()); ++y) {
      for (int x = std::max(0, under.getX()); x < std::min(image_.getWidth(), under.getRight()); ++x) {
        const juce::Colour ground = image_.getPixelAt(x, y);
        letter.contrast = std::min(letter.contrast, contrast(ground.overlaidWith(colour), ground));
      }
    }
    letters.push_back(letter);
  }
}

}  // namespace lmdm::plugin::test
