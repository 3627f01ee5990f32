#pragma once

#include <juce_audio_basics/juce_audio_basics.h>

#include "instrument/engine.h"
#include "processor/knobs.h"
#include "processor/rack.h"

namespace lmdm::plugin {

/// From the host's input to its output: gains, the mix of dry and wet, monitor and bypass. Every change takes 20 ms.
class Mixer {
 public:
  /// Not while the audio thread is in it.
  void prepare(double rate, int channels, const Knobs& knobs);
  /// [audio] Once a call of the host.
  void follow(const Knobs& knobs, bool bypassed) noexcept LMDM_NONBLOCKING;

  /// [audio] What the music hears of a piece of input.
  void hear(const float* const* raw, float* const* heard, int frames) noexcept LMDM_NONBLOCKING;
  /// [audio] What the host hears; `output` may be `raw`.
  void mix(const float* const* raw, const Rack& rack, float* const* output, int frames) noexcept LMDM_NONBLOCKING;

 private:
  using Ramp = juce::SmoothedValue<float>;

  int channels_ = 0;
  Ramp input_gain_, output_gain_, dry_, wet_;
  Ramp direct_;  ///< share of the dry signal that is not delayed
  Ramp bypass_;  ///< share of the input in the output
};

}  // namespace lmdm::plugin
