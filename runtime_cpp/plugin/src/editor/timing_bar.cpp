#include "editor/timing_bar.h"

#include <algorithm>

#include "editor/look.h"
#include "editor/palette.h"

namespace lmdm::plugin {
namespace {

constexpr double tight = 0.8;  // of a block's time

juce::String milliseconds(double value) {
  return juce::String(juce::roundToInt(value)) + " ms";
}

juce::Colour colour_of(double share) {
  return share >= 1 ? palette::alarm : share >= tight ? palette::warning : palette::heard;
}

juce::String greek(const char* letter) {
  return juce::String::fromUTF8(letter);
}

}  // namespace

TimingBar::TimingBar() {
  setTitle("Block timing");
}

void TimingBar::show(const Status& status) {
  const LiveMetrics& metrics = status.metrics;
  const double block_ms = 1000 * metrics.block_seconds;
  const bool known = block_ms > 0 && metrics.blocks > 0;
  const double newest = known ? metrics.block_ms / block_ms : 0, worst = known ? metrics.worst_block_ms / block_ms : 0;
  const juce::String none = juce::String::fromUTF8("\xe2\x80\x93");
  const auto count = [](const char* label, std::uint64_t value) {
    return Figure{label, juce::String(value), value > 0 ? palette::warning : palette::text};
  };
  std::vector<Figure> figures{
      {"block S", block_ms > 0 ? milliseconds(block_ms) : none, palette::text},
      {"made in " + greek("\xcf\x84"), known ? milliseconds(metrics.block_ms) : none, known ? colour_of(newest) : palette::text},
      {"headroom", known ? juce::String(juce::roundToInt(100 * (1 - newest))) + " %" : none, known ? colour_of(newest) : palette::text},
      {"delay " + greek("\xce\x94"), status.latency_seconds > 0 ? milliseconds(1000 * status.latency_seconds) : none, palette::text},
      count("underruns", metrics.underruns),
      count("dropped", metrics.dropped_blocks)};
  if (figures == figures_ && newest == newest_ && worst == worst_) return;
  figures_ = std::move(figures);
  newest_ = newest;
  worst_ = worst;
  juce::StringArray said;
  for (const Figure& figure : figures_) said.add(figure.label + " " + figure.value);
  setDescription(said.joinIntoString(", "));
  setTooltip("A block of " + figures_[0].value + " was made in " + figures_[1].value + ", the slowest in " +
             (known ? milliseconds(metrics.worst_block_ms) : none) + ". Above 100 % the music stops until the next block.");
  repaint();
}

void TimingBar::paint(juce::Graphics& g) {
  const Look& look = Look::of(*this);
  auto area = getLocalBounds().toFloat();
  g.setColour(palette::panel);
  g.fillRoundedRectangle(area, look.length(5));
  area = area.reduced(look.length(10), look.length(4));
  const float cell = look.length(82);
  auto cells = area.removeFromRight(cell * static_cast<float>(figures_.size()));
  for (const Figure& figure : figures_) {
    auto place = cells.removeFromLeft(cell);
    draw_text(g, figure.label, place.removeFromTop(place.getHeight() / 2), juce::Justification::centredRight, look.font(Text::small),
              palette::quiet);
    draw_text(g, figure.value, place, juce::Justification::centredRight, look.font(Text::value).boldened(), figure.colour);
  }
  paint_bar(g, area.withTrimmedRight(look.length(8)));
}

void TimingBar::paint_bar(juce::Graphics& g, juce::Rectangle<float> area) const {
  const Look& look = Look::of(*this);
  const auto line = area.removeFromTop(area.getHeight() / 2);
  const auto track = area.withSizeKeepingCentre(area.getWidth(), look.length(12));
  // A block that takes longer than it lasts is shown, too: the track ends at 125 %.
  const auto x_of = [&](double share) { return track.getX() + static_cast<float>(std::clamp(share / 1.25, 0.0, 1.0)) * track.getWidth(); };
  g.setColour(palette::ground);
  g.fillRoundedRectangle(track, look.length(3));
  g.setColour(palette::alarm.withAlpha(0.25F));
  g.fillRect(track.withLeft(x_of(1)));
  if (newest_ > 0) {
    g.setColour(colour_of(newest_));
    g.fillRoundedRectangle(track.withRight(x_of(newest_)), look.length(3));
  }
  const auto mark = [&](double share, juce::Colour colour, float thickness) {
    g.setColour(colour);
    g.fillRect(
        juce::Rectangle<float>(look.length(thickness), track.getHeight() + look.length(4)).withCentre({x_of(share), track.getCentreY()}));
  };
  draw_text(g, "time to make a block", line, juce::Justification::centredLeft, look.font(Text::small), palette::quiet);
  draw_text(g, "S", line.withWidth(look.length(20)).withCentre({x_of(1), line.getCentreY()}), juce::Justification::centred,
            look.font(Text::small).boldened(), palette::text);
  mark(1, palette::text, 2);
  if (worst_ > 0) mark(worst_, colour_of(worst_), 2);
}

}  // namespace lmdm::plugin
