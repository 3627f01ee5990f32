#include "processor/mixer.h"

#include <cmath>
#include <numbers>

namespace lmdm::plugin {
namespace {

constexpr double ramp_seconds = 0.02;

}  // namespace

void Mixer::prepare(double rate, int channels, const Knobs& knobs) {
  channels_ = channels;
  for (Ramp* ramp : {&input_gain_, &output_gain_, &dry_, &wet_, &direct_, &bypass_}) ramp->reset(rate, ramp_seconds);
  follow(knobs, knobs.bypassed());
  for (Ramp* ramp : {&input_gain_, &output_gain_, &dry_, &wet_, &direct_, &bypass_}) ramp->setCurrentAndTargetValue(ramp->getTargetValue());
}

void Mixer::follow(const Knobs& knobs, bool bypassed) noexcept {
  const float angle = knobs.mix() * std::numbers::pi_v<float> / 2;
  input_gain_.setTargetValue(knobs.input_gain());
  output_gain_.setTargetValue(knobs.output_gain());
  // Exact at both ends.
  dry_.setTargetValue(knobs.mix() >= 1 ? 0.0F : std::cos(angle));
  wet_.setTargetValue(std::sin(angle));
  direct_.setTargetValue(knobs.monitor() == Monitor::direct ? 1.0F : 0.0F);
  bypass_.setTargetValue(bypassed ? 1.0F : 0.0F);
}

void Mixer::hear(const float* const* raw, float* const* heard, int frames) noexcept {
  for (int i = 0; i < frames; ++i) {
    const float gain = input_gain_.getNextValue();
    for (int channel = 0; channel < channels_; ++channel) heard[channel][i] = gain * raw[channel][i];
  }
}

void Mixer::mix(const float* const* raw, const Rack& rack, float* const* output, int frames) noexcept {
  for (int i = 0; i < frames; ++i) {
    const float dry = dry_.getNextValue(), wet = wet_.getNextValue(), gain = output_gain_.getNextValue();
    const float direct = direct_.getNextValue(), bypass = bypass_.getNextValue();
    for (int channel = 0; channel < channels_; ++channel) {
      const float monitored = direct * raw[channel][i] + (1 - direct) * rack.late[channel][i];
      const float played = gain * (dry * monitored + wet * rack.wet[channel][i]);
      output[channel][i] = bypass * monitored + (1 - bypass) * played;
    }
  }
}

}  // namespace lmdm::plugin
