#pragma once

#include <juce_audio_processors/juce_audio_processors.h>

#include <atomic>

#include "instrument/engine.h"
#include "instrument/wishes.h"
#include "processor/session.h"

namespace lmdm::plugin {

/// Where the parameters stand. Any thread.
class Knobs {
 public:
  explicit Knobs(const juce::AudioProcessorValueTreeState& parameters);

  /// As a factor.
  [[nodiscard]] float input_gain() const noexcept { return gain(*input_gain_); }
  [[nodiscard]] float output_gain() const noexcept { return gain(*output_gain_); }
  [[nodiscard]] float mix() const noexcept { return load(*mix_); }
  [[nodiscard]] bool frozen() const noexcept { return load(*freeze_) >= 0.5F; }
  [[nodiscard]] bool bypassed() const noexcept { return load(*bypass_) >= 0.5F; }
  [[nodiscard]] Monitor monitor() const noexcept { return static_cast<Monitor>(static_cast<int>(load(*monitor_))); }

  [[nodiscard]] Wishes wishes(const Session::Choice& choice) const;
  /// The part of a specification that is of parameters.
  void specify(EngineSpec& spec) const;

 private:
  using Value = const std::atomic<float>*;

  [[nodiscard]] static float load(const std::atomic<float>& value) noexcept { return value.load(std::memory_order_relaxed); }
  [[nodiscard]] static float gain(const std::atomic<float>& decibel) noexcept;

  Value input_gain_, output_gain_, mix_, pitch_, loudness_, crossfade_, context_drop_, feedback_, steps_, guidance_, seed_, freeze_,
      monitor_, layout_, headroom_, underrun_, bypass_;
};

}  // namespace lmdm::plugin
