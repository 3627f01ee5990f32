#include "editor/meter.h"

#include <algorithm>

#include "editor/look.h"
#include "editor/palette.h"

namespace lmdm::plugin {
namespace {

constexpr float lowest = -60, highest = 6;
constexpr float loud = -12;
constexpr float fall = 26;  // decibel a second
constexpr double lit = 2;   // seconds

float part(float decibel) {
  return juce::jlimit(0.0F, 1.0F, (decibel - lowest) / (highest - lowest));
}

}  // namespace

Meter::Meter(const char* label, const char* title) : label_(label), decibel_{lowest, lowest} {
  setTitle(title);
  setTooltip(juce::String(title) + ": peaks from -60 to +6 dB");
}

void Meter::show(const std::array<float, 2>& peaks, double seconds) {
  const auto before = decibel_;
  const bool was_over = over_ > 0;
  over_ = std::max(0.0, over_ - seconds);
  for (std::size_t channel = 0; channel < peaks.size(); ++channel) {
    if (peaks[channel] > 1) over_ = lit;
    const float peak = juce::Decibels::gainToDecibels(peaks[channel], lowest);
    decibel_[channel] = std::max({lowest, peak, decibel_[channel] - fall * static_cast<float>(seconds)});
  }
  if (decibel_ == before && was_over == (over_ > 0)) return;
  setDescription(juce::String(std::max(decibel_[0], decibel_[1]), 0) + " dB");
  repaint();
}

void Meter::paint(juce::Graphics& g) {
  const Look& look = Look::of(*this);
  auto area = getLocalBounds().toFloat();
  draw_text(g, label_, area.removeFromBottom(look.length(18)), juce::Justification::centred, look.font(Text::small), palette::quiet);
  g.setColour(over_ > 0 ? palette::alarm : palette::panel);
  g.fillRoundedRectangle(area.removeFromTop(look.length(8)), look.length(2));
  area.removeFromTop(look.length(3));

  const float gap = look.length(2), width = (area.getWidth() - gap) / 2;
  for (const float decibel : decibel_) {
    const auto bar = area.removeFromLeft(width);
    area.removeFromLeft(gap);
    g.setColour(palette::panel);
    g.fillRect(bar);
    const auto fill = [&](float from, float to, juce::Colour colour) {
      const float low = part(from), high = part(std::min(to, decibel));
      if (high <= low) return;
      g.setColour(colour);
      g.fillRect(bar.withTop(bar.getBottom() - high * bar.getHeight()).withBottom(bar.getBottom() - low * bar.getHeight()));
    };
    fill(lowest, loud, palette::heard);
    fill(loud, 0, palette::warning);
    fill(0, highest, palette::alarm);
    g.setColour(palette::ground);
    for (float mark = -48; mark <= 0; mark += 12) {
      g.fillRect(bar.withHeight(std::max(1.0F, look.length(1))).withY(bar.getBottom() - part(mark) * bar.getHeight()));
    }
  }
}

void Meter::mouseDown(const juce::MouseEvent& /*event*/) {
  over_ = 0;
  repaint();
}

}  // namespace lmdm::plugin
