#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "lmdm/generator.h"
#include "lmdm/noise.h"

namespace lmdm {

/// What the blocks of a session are made with, over what its bundle says: all that a Tuning may change.
class Settings {
 public:
  /// `manifest` must outlive the settings. Throws Error(session): an option that the bundle cannot serve.
  Settings(const Manifest& manifest, const GeneratorOptions& options);

  /// Throws Error(session): a value that is out of range or that the bundle cannot serve; then nothing has changed.
  void tune(const Tuning& tuning);

  [[nodiscard]] const Noise& noise() const noexcept { return noise_; }
  /// Levels that fall to 0.
  [[nodiscard]] std::span<const double> schedule() const noexcept { return schedule_; }
  [[nodiscard]] double guidance_scale() const noexcept { return guidance_scale_; }
  /// Frames.
  [[nodiscard]] std::size_t context_drop() const noexcept { return context_drop_; }
  [[nodiscard]] float feedback() const noexcept { return feedback_; }
  [[nodiscard]] bool hold_noise() const noexcept { return hold_noise_; }

 private:
  const Manifest* manifest_;
  Noise noise_;
  std::vector<double> schedule_;
  double guidance_scale_;
  std::size_t context_drop_;
  float feedback_ = 1;
  bool hold_noise_ = false;
};

}  // namespace lmdm
