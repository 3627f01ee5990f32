#include "editor/picture.h"

#include <array>
#include <cmath>

#include "editor/lane_painters.h"
#include "editor/look.h"
#include "editor/palette.h"
#include "view/spectrum.h"

namespace lmdm::plugin {
namespace {

constexpr double seen = Picture::past + Picture::ahead;
constexpr float scale_width = 42;

}  // namespace

Picture::Picture() : pitch_(seen, paint_pitch), loudness_(seen, paint_loudness), spectrum_(seen, paint_spectrum) {
  setOpaque(true);
  setTitle("Picture");
  setDescription("Pitches and loudness that the music follows, above the spectrogram of the music, over time.");
}

void Picture::add(const std::vector<SketchColumn>& sketch, const std::vector<SpectrumColumn>& spectrum) {
  pitch_.add(sketch);
  loudness_.add(sketch);
  spectrum_.add(spectrum);
}

void Picture::show(double now, const Status& status) {
  if (now < now_ - seen) {
    pitch_.clear();
    loudness_.clear();
    spectrum_.clear();
  }
  now_ = now;
  has_bundle_ = !status.bundle.empty();
  has_pitch_ = status.has_pitch;
  has_loudness_ = status.has_loudness;
  pitch_hertz_ = status.pitch_hertz;
  repaint();
}

void Picture::set_inset(int pixels) {
  if (pixels == inset_) return;
  inset_ = pixels;
  resized();
  repaint();
}

void Picture::paint(juce::Graphics& g) {
  g.fillAll(palette::ground);
  size_lanes(g.getInternalContext().getPhysicalPixelScaleFactor());
  const double first = now_ - past;
  pitch_.draw(g, pitch_area_, pitch_.first(first));
  loudness_.draw(g, loudness_area_, loudness_.first(first));
  spectrum_.draw(g, spectrum_area_, spectrum_.first(first));

  paint_lane_frame(g, pitch_area_, "pitch", has_bundle_ && !has_pitch_ ? "not followed" : "");
  paint_lane_frame(g, loudness_area_, "loudness", has_bundle_ && !has_loudness_ ? "not followed" : "");
  paint_lane_frame(g, spectrum_area_, "generated", "");
  if (empty()) return;
  paint_pitch_scale(g);
  paint_frequency_scale(g);
  paint_time(g);
}

void Picture::resized() {
  const Look& look = Look::of(*this);
  auto area = getLocalBounds().withTrimmedTop(inset_).toFloat().reduced(1);
  time_area_ = area.removeFromBottom(look.length(20));
  area.removeFromLeft(look.length(scale_width));
  time_area_.removeFromLeft(look.length(scale_width));
  const float gap = look.length(4), height = area.getHeight() - 2 * gap;
  pitch_area_ = area.removeFromTop(std::round(height * 0.34F));
  area.removeFromTop(gap);
  loudness_area_ = area.removeFromTop(std::round(height * 0.17F));
  area.removeFromTop(gap);
  spectrum_area_ = area;
}

void Picture::size_lanes(float physical_scale) {
  const auto size = [&](auto& lane, juce::Rectangle<float> area) {
    lane.resize(juce::roundToInt(area.getWidth() * physical_scale), juce::roundToInt(area.getHeight() * physical_scale));
  };
  size(pitch_, pitch_area_);
  size(loudness_, loudness_area_);
  size(spectrum_, spectrum_area_);
}

void Picture::paint_lane_frame(juce::Graphics& g, juce::Rectangle<float> area, const juce::String& title,
                               const juce::String& unoffered) const {
  const Look& look = Look::of(*this);
  g.setColour(palette::line.withAlpha(0.8F));
  g.drawRect(area.expanded(1), 1.0F);
  if (empty()) return;
  const juce::String text = unoffered.isEmpty() ? title : title + ": " + unoffered;
  const juce::Font font = look.font(Text::small);
  const auto plate =
      area.reduced(look.length(4), look.length(3)).withSize(font.getStringWidthFloat(text) + look.length(10), look.length(18));
  g.setColour(palette::ground);
  g.fillRoundedRectangle(plate, look.length(3));
  draw_text(g, text, plate, juce::Justification::centred, font, palette::quiet);
}

void Picture::paint_pitch_scale(juce::Graphics& g) const {
  const Look& look = Look::of(*this);
  const std::size_t bins = pitch_hertz_.size();
  float free_below = pitch_area_.getBottom() + look.length(8);
  for (std::size_t bin = 0; bin < bins; ++bin) {
    const double semitones = 12 * std::log2(pitch_hertz_[bin] / 440.0) + 69;
    const int note = juce::roundToInt(semitones);
    if (note % 12 != 0 || std::abs(semitones - note) > 0.3) continue;
    const float y = pitch_area_.getBottom() - (static_cast<float>(bin) + 0.5F) * pitch_area_.getHeight() / static_cast<float>(bins);
    g.setColour(palette::line.withAlpha(0.5F));
    g.drawHorizontalLine(juce::roundToInt(y), pitch_area_.getX(), pitch_area_.getRight());
    const auto label = juce::Rectangle<float>(look.length(scale_width - 6), look.length(16)).withPosition(0, y - look.length(8));
    if (label.getBottom() > free_below) continue;
    draw_text(g, "C" + juce::String(note / 12 - 1), label, juce::Justification::centredRight, look.font(Text::small), palette::quiet);
    free_below = label.getY();
  }
}

void Picture::paint_frequency_scale(juce::Graphics& g) const {
  const Look& look = Look::of(*this);
  for (const auto& [hertz, text] : {std::pair{100.0, "100"}, std::pair{1000.0, "1k"}, std::pair{10000.0, "10k"}}) {
    const double place = std::log(hertz / Spectrum::lowest) / std::log(Spectrum::highest / Spectrum::lowest);
    const float y = spectrum_area_.getBottom() - static_cast<float>(place) * spectrum_area_.getHeight();
    const auto label = juce::Rectangle<float>(look.length(scale_width - 6), look.length(16)).withPosition(0, y - look.length(8));
    draw_text(g, text, label, juce::Justification::centredRight, look.font(Text::small), palette::quiet);
    g.setColour(palette::line);
    g.drawHorizontalLine(juce::roundToInt(y), spectrum_area_.getX() - look.length(4), spectrum_area_.getX());
  }
}

void Picture::paint_time(juce::Graphics& g) const {
  const Look& look = Look::of(*this);
  const juce::Font font = look.font(Text::small);
  const auto mark = [&](double seconds, const juce::String& text, juce::Colour colour) {
    const float x = x_of(seconds);
    const auto label = juce::Rectangle<float>(look.length(48), time_area_.getHeight()).withCentre({x, time_area_.getCentreY()});
    draw_text(g, text, label, juce::Justification::centred, font, colour);
    g.setColour(colour);
    g.fillRect(juce::Rectangle<float>(1, look.length(4)).withPosition(x, time_area_.getY()));
  };
  for (int seconds = -8; seconds < 0; seconds += 2) mark(seconds, juce::String(seconds) + " s", palette::quiet);
  mark(0, "now", palette::text);
  const float x = x_of(0), top = pitch_area_.getY(), bottom = spectrum_area_.getBottom();
  g.setColour(palette::ground.withAlpha(0.6F));
  g.fillRect(juce::Rectangle<float>(look.length(4), bottom - top).withCentre({x, (top + bottom) / 2}));
  g.setColour(palette::focus);
  g.fillRect(juce::Rectangle<float>(look.length(1.6F), bottom - top).withCentre({x, (top + bottom) / 2}));
}

float Picture::x_of(double seconds_from_now) const noexcept {
  return spectrum_area_.getX() + static_cast<float>((seconds_from_now + past) / seen) * spectrum_area_.getWidth();
}

}  // namespace lmdm::plugin
