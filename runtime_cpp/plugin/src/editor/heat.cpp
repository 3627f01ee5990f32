#include "editor/heat.h"

#include <algorithm>
#include <array>

#include "editor/palette.h"

namespace lmdm::plugin {
namespace {

constexpr std::size_t shades = 256;

std::array<juce::PixelARGB, shades> make_shades() {
  juce::ColourGradient gradient;
  gradient.addColour(0, palette::ground);
  gradient.addColour(0.25, juce::Colour(0xff2a1a52));
  gradient.addColour(0.5, juce::Colour(0xff8a3a9a));
  gradient.addColour(0.75, juce::Colour(0xfff0854a));
  gradient.addColour(0.92, juce::Colour(0xffffd27a));
  gradient.addColour(1, juce::Colour(0xfffff6e0));
  std::array<juce::PixelARGB, shades> made;
  for (std::size_t i = 0; i < shades; ++i) {
    made[i] = gradient.getColourAtPosition(static_cast<double>(i) / (shades - 1)).getPixelARGB();
  }
  return made;
}

}  // namespace

juce::PixelARGB heat(float decibel) noexcept {
  static const std::array<juce::PixelARGB, shades> made = make_shades();
  const float part = std::clamp((decibel - coldest) / (hottest - coldest), 0.0F, 1.0F);
  return made[static_cast<std::size_t>(part * (shades - 1))];
}

}  // namespace lmdm::plugin
