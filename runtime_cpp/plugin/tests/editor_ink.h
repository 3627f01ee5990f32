#pragma once

#include <juce_graphics/juce_graphics.h>

#include <string>
#include <vector>

namespace lmdm::plugin::test {

/// One letter as it was drawn.
struct Letter {
  std::string near;  ///< the letters drawn before it, to find it by
  juce::Rectangle<float> bounds;
  bool whole = true;      ///< nothing of it was clipped away
  bool last_dot = false;  ///< of the three with which a shortened text ends
  double contrast = 21;   ///< with the worst pixel of the ground under it, as WCAG defines it
  float height = 0;       ///< of its font, in pixels
};

/// Draws all but the letters into an image, and notes every letter with the ground on which it would be put.
class Ink final : public juce::LowLevelGraphicsSoftwareRenderer {
 public:
  explicit Ink(const juce::Image& image) : juce::LowLevelGraphicsSoftwareRenderer(image), image_(image) {}

  void drawGlyph(int glyph, const juce::AffineTransform& transform) override;

  std::vector<Letter> letters;

 private:
  juce::Image image_;
  std::string text_;
};

/// 1 to 21.
[[nodiscard]] double contrast(juce::Colour one, juce::Colour other);

}  // namespace lmdm::plugin::test
