#include "instrument/engine.h"

#include <exception>

namespace lmdm::plugin {

void Engine::prepare() {
  const auto latency = static_cast<int>(music->latency());
  delay_.setMaximumDelayInSamples(latency + 1);
  delay_.prepare({spec.rate, static_cast<juce::uint32>(longest_piece), static_cast<juce::uint32>(spec.channels)});
  delay_.setDelay(static_cast<float>(latency));
  played_ = 0;
  origin.store(-1);
}

bool Engine::restart() {
  try {
    music->restart();
  } catch (const std::exception&) {
    return false;
  }
  prepare();
  return true;
}

void Engine::forget() {
  delay_.reset();
}

void Engine::play(const float* const* raw, const float* const* heard, const float* const* side, float* const* wet, float* const* late,
                  int frames) noexcept {
  music->process(heard, side, wet, spec.channels, frames);
  for (int channel = 0; channel < spec.channels; ++channel) {
    for (int i = 0; i < frames; ++i) {
      delay_.pushSample(channel, raw[channel][i]);
      late[channel][i] = delay_.popSample(channel);
    }
  }
  played_ += frames;
}

}  // namespace lmdm::plugin
