#pragma once

#include <juce_dsp/juce_dsp.h>

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "view/columns.h"

namespace lmdm::plugin {

/// Makes columns of a spectrogram from a stream of mono samples. One thread at a time; it allocates, so never the audio thread.
class Spectrum {
 public:
  static constexpr int bands = 96;
  static constexpr double lowest = 40, highest = 16000;  ///< Hz, edges of the bands; they are spaced evenly in pitch
  static constexpr float floor = -100;                   ///< decibel; 0: a sine of full scale

  explicit Spectrum(double sample_rate);

  /// The stream goes on with the sample that sounds at `seconds`; what came before is forgotten.
  void restart(double seconds);
  /// Adds to `columns` those that the samples complete. Samples that are not finite count as silence.
  void push(std::span<const float> samples, std::vector<SpectrumColumn>& columns);

  /// Hz between a band's edges, in pitch.
  [[nodiscard]] static double centre(int band) noexcept;

 private:
  static constexpr int order = 11;
  static constexpr int size = 1 << order;
  static constexpr int hop = size / 2;

  [[nodiscard]] SpectrumColumn column();

  double rate_;
  double start_ = 0;
  std::int64_t first_ = 0;  ///< sample of the stream with which the window begins
  std::size_t held_ = 0;
  juce::dsp::FFT fft_{order};
  juce::dsp::WindowingFunction<float> window_{static_cast<std::size_t>(size), juce::dsp::WindowingFunction<float>::hann, false};
  std::array<float, static_cast<std::size_t>(size)> samples_{};
  std::array<float, 2 * static_cast<std::size_t>(size)> work_{};
};

}  // namespace lmdm::plugin
