#include "instrument/engine.h"

namespace lmdm::plugin {
namespace {

void pass(juce::dsp::DelayLine<float, juce::dsp::DelayLineInterpolationTypes::None>& line, const float* const* from, float* const* to,
          int channels, int frames) noexcept {
  for (int channel = 0; channel < channels; ++channel) {
    for (int i = 0; i < frames; ++i) {
      line.pushSample(channel, from[channel][i]);
      to[channel][i] = line.popSample(channel);
    }
  }
}

}  // namespace

void Engine::prepare() {
  const auto latency = static_cast<int>(music->latency());
  for (Delay* line : {&raw_, &heard_}) {
    line->setMaximumDelayInSamples(latency + 1);
    line->prepare({spec.rate, static_cast<juce::uint32>(longest_piece), static_cast<juce::uint32>(spec.channels)});
    line->setDelay(static_cast<float>(latency));
  }
  played_ = 0;
  origin.store(-1);
}

void Engine::restart() {
  music->restart();
  prepare();
}

void Engine::forget() {
  raw_.reset();
  heard_.reset();
}

void Engine::play(const float* const* raw, const float* const* heard, const float* const* side, float* const* wet, float* const* late_raw,
                  float* const* late_heard, int frames) noexcept {
  music->process(heard, side, wet, spec.channels, frames);
  pass(raw_, raw, late_raw, spec.channels, frames);
  pass(heard_, heard, late_heard, spec.channels, frames);
  played_ += frames;
}

}  // namespace lmdm::plugin
