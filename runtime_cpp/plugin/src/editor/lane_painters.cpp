#include "editor/lane_painters.h"

#include <algorithm>
#include <cmath>

#include "editor/heat.h"
#include "editor/palette.h"

namespace lmdm::plugin {
namespace {

juce::PixelARGB mix(juce::Colour over, float share) {
  return palette::ground.interpolatedWith(over, std::clamp(share, 0.0F, 1.0F)).getPixelARGB();
}

}  // namespace

void paint_pitch(const SketchColumn& from, const SketchColumn& /*to*/, float /*place*/, float /*step*/, std::span<juce::PixelARGB> pixels) {
  if (from.pitch.empty()) return;
  const auto height = static_cast<float>(pixels.size());
  const float row = height / static_cast<float>(from.pitch.size()), thick = std::max({2.5F, row, height / 50});
  for (std::size_t bin = 0; bin < from.pitch.size(); ++bin) {
    if (!(from.pitch[bin] > 0)) continue;
    const float centre = height - (static_cast<float>(bin) + 0.5F) * row;
    const auto first = static_cast<std::size_t>(std::clamp(centre - thick / 2 + 0.5F, 0.0F, height - 1));
    const auto last = std::min(pixels.size(), first + static_cast<std::size_t>(std::lround(thick)));
    // A weak partial must still be seen.
    for (std::size_t y = first; y < last; ++y) pixels[y] = mix(palette::heard, std::sqrt(from.pitch[bin]));
  }
}

void paint_loudness(const SketchColumn& from, const SketchColumn& to, float place, float step, std::span<juce::PixelARGB> pixels) {
  if (std::isnan(from.loudness)) return;
  const float end = std::isnan(to.loudness) ? from.loudness : to.loudness;
  const auto height = static_cast<float>(pixels.size());
  const float thick = std::max(1.5F, height / 24);
  const auto top_at = [&](float at) { return (1 - std::lerp(from.loudness, end, std::clamp(at, 0.0F, 1.0F))) * (height - thick); };
  const float here = top_at(place), there = top_at(place + step);
  const float high = std::min(here, there), low = std::max(here, there) + thick;
  for (std::size_t y = 0; y < pixels.size(); ++y) {
    const auto at = static_cast<float>(y);
    const float line = std::clamp(std::min(at + 1, low) - std::max(at, high), 0.0F, 1.0F);
    const float under = at >= low ? 0.32F * (1 - 0.6F * at / height) : 0.0F;
    if (line > 0 || under > 0) pixels[y] = mix(palette::heard, std::max(line, under));
  }
}

void paint_spectrum(const SpectrumColumn& from, const SpectrumColumn& to, float place, float /*step*/, std::span<juce::PixelARGB> pixels) {
  if (from.level.size() < 2 || to.level.size() != from.level.size()) return;
  const auto last = static_cast<float>(from.level.size() - 1);
  for (std::size_t y = 0; y < pixels.size(); ++y) {
    const float at = last * (1 - static_cast<float>(y) / static_cast<float>(std::max<std::size_t>(1, pixels.size() - 1)));
    const auto below = std::min(static_cast<std::size_t>(at), from.level.size() - 2);
    const float part = at - static_cast<float>(below);
    const auto level = [&](const SpectrumColumn& column) { return std::lerp(column.level[below], column.level[below + 1], part); };
    pixels[y] = heat(std::lerp(level(from), level(to), place));
  }
}

}  // namespace lmdm::plugin
