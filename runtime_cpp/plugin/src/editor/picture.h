#pragma once

#include <juce_gui_basics/juce_gui_basics.h>

#include <vector>

#include "editor/lane.h"
#include "view/view.h"

namespace lmdm::plugin {

/// The sketch that is followed (pitches over loudness) above the spectrogram of what is generated, over one time axis that scrolls.
class Picture final : public juce::Component {
 public:
  static constexpr double past = 9, ahead = 1;  ///< seconds left and right of what is heard now

  Picture();

  void add(const std::vector<SketchColumn>& sketch, const std::vector<SpectrumColumn>& spectrum);
  /// Scrolls to what is heard at `now`, in seconds since `prepare`.
  void show(double now, const Status& status);
  /// Pixels at the top that something else takes.
  void set_inset(int pixels);
  [[nodiscard]] bool empty() const noexcept { return pitch_.empty() && spectrum_.empty(); }

  void paint(juce::Graphics& g) override;
  void resized() override;

 private:
  void size_lanes(float physical_scale);
  void paint_lane_frame(juce::Graphics& g, juce::Rectangle<float> area, const juce::String& title, const juce::String& unoffered) const;
  void paint_pitch_scale(juce::Graphics& g) const;
  void paint_frequency_scale(juce::Graphics& g) const;
  void paint_time(juce::Graphics& g) const;
  [[nodiscard]] float x_of(double seconds_from_now) const noexcept;

  int inset_ = 0;
  double now_ = 0;
  bool has_bundle_ = false, has_pitch_ = false, has_loudness_ = false;
  std::vector<double> pitch_hertz_;
  juce::Rectangle<float> pitch_area_, loudness_area_, spectrum_area_, time_area_;
  Lane<SketchColumn> pitch_, loudness_;
  Lane<SpectrumColumn> spectrum_;
};

}  // namespace lmdm::plugin
