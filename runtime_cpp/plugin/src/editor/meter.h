#pragma once

#include <juce_audio_basics/juce_audio_basics.h>
#include <juce_gui_basics/juce_gui_basics.h>

#include <array>

namespace lmdm::plugin {

/// Peaks of two channels, falling slowly, over a scale from -60 to +6 dB; a square lights up where a signal went over 0 dB.
class Meter final : public juce::Component, public juce::SettableTooltipClient {
 public:
  Meter(const char* label, const char* title);

  /// Linear peaks of the last `seconds`.
  void show(const std::array<float, 2>& peaks, double seconds);

  void paint(juce::Graphics& g) override;
  void mouseDown(const juce::MouseEvent& event) override;

 private:
  juce::String label_;
  std::array<float, 2> decibel_;
  double over_ = 0;  ///< seconds for which the square stays lit
};

}  // namespace lmdm::plugin
