#include "view/spectrum.h"

#include <algorithm>
#include <cmath>

namespace lmdm::plugin {
namespace {

double edge(int band) noexcept {
  return Spectrum::lowest * std::pow(Spectrum::highest / Spectrum::lowest, static_cast<double>(band) / Spectrum::bands);
}

/// Of magnitudes, at a place between two bins.
float between(std::span<const float> magnitudes, double bin) {
  const auto below = static_cast<std::size_t>(bin);
  const auto part = static_cast<float>(bin - static_cast<double>(below));
  return magnitudes[below] * (1 - part) + magnitudes[below + 1] * part;
}

/// The strongest bin of a band; where bands are narrower than bins, what lies between two of them.
float strongest(std::span<const float> magnitudes, double from, double to) {
  const double last = static_cast<double>(magnitudes.size()) - 2;
  if (from >= last) return 0;
  float found = between(magnitudes, std::min(std::sqrt(from * to), last));
  const auto first = static_cast<std::size_t>(std::ceil(from));
  for (std::size_t bin = first; static_cast<double>(bin) < std::min(to, last); ++bin) found = std::max(found, magnitudes[bin]);
  return found;
}

}  // namespace

Spectrum::Spectrum(double sample_rate) : rate_(sample_rate) {}

void Spectrum::restart(double seconds) {
  start_ = seconds;
  first_ = 0;
  held_ = 0;
}

void Spectrum::push(std::span<const float> samples, std::vector<SpectrumColumn>& columns) {
  while (!samples.empty()) {
    const std::size_t taken = std::min(samples.size(), samples_.size() - held_);
    std::transform(samples.begin(), samples.begin() + static_cast<std::ptrdiff_t>(taken),
                   samples_.begin() + static_cast<std::ptrdiff_t>(held_), [](float value) { return std::isfinite(value) ? value : 0.0F; });
    held_ += taken;
    samples = samples.subspan(taken);
    if (held_ < samples_.size()) return;
    columns.push_back(column());
    std::copy(samples_.begin() + hop, samples_.end(), samples_.begin());
    held_ -= hop;
    first_ += hop;
  }
}

double Spectrum::centre(int band) noexcept {
  return std::sqrt(edge(band) * edge(band + 1));
}

SpectrumColumn Spectrum::column() {
  std::copy(samples_.begin(), samples_.end(), work_.begin());
  window_.multiplyWithWindowingTable(work_.data(), samples_.size());
  fft_.performFrequencyOnlyForwardTransform(work_.data(), true);
  const std::span<const float> magnitudes(work_.data(), static_cast<std::size_t>(size / 2 + 1));

  SpectrumColumn made{start_ + (static_cast<double>(first_) + hop) / rate_, {}};
  const double bins_per_hertz = size / rate_;
  constexpr float full_scale = size / 4.0F;  // a Hann window halves a sine, and its other half lies at negative frequencies
  for (int band = 0; band < bands; ++band) {
    const float level = strongest(magnitudes, edge(band) * bins_per_hertz, edge(band + 1) * bins_per_hertz) / full_scale;
    made.level.push_back(std::max(floor, juce::Decibels::gainToDecibels(level, floor)));
  }
  return made;
}

}  // namespace lmdm::plugin
