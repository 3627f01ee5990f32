#include "processor/rack.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

namespace lmdm::plugin {
namespace {

constexpr double fade_seconds = 0.02;

}  // namespace

void Rack::prepare(double rate, int channels, Engine* engine) {
  channels_ = channels;
  now_ = engine;
  next_ = nullptr;
  step_ = 0;
  for (Piece* piece : {&wet, &late, &sound_.wet, &sound_.late, &next_sound_.wet, &next_sound_.late}) {
    piece->prepare(channels);
  }
  rising_.clear();
  const auto steps = std::max(1, static_cast<int>(fade_seconds * rate));
  for (int step = 0; step <= steps; ++step) {
    rising_.push_back(static_cast<float>(std::sin(step * std::numbers::pi / 2 / steps)));
  }
}

void Rack::play(const float* const* raw, const float* const* heard, const float* const* side, int frames, std::int64_t position,
                bool frozen, bool offline) noexcept {
  take_turns(offline);
  const bool due = next_ != nullptr && next_->full();
  sound(now_, sound_, raw, heard, side, frames, position, frozen);
  if (next_ != nullptr) sound(next_, next_sound_, raw, heard, side, frames, position, frozen);
  std::swap(wet, sound_.wet);
  std::swap(late, sound_.late);
  if (due) fade(frames);
}

void Rack::take_turns(bool offline) noexcept {
  // An engine that waits for its music must not be asked for any by an audio thread that cannot wait.
  if (now_ != nullptr && now_->spec.offline && !offline) slot_.give_back(std::exchange(now_, nullptr));
  if (next_ != nullptr && next_->spec.offline && !offline) {
    slot_.give_back(std::exchange(next_, nullptr));
    step_ = 0;
  }
  if (step_ > 0) return;
  if (Engine* newcomer = slot_.take()) {
    if (next_ != nullptr) slot_.give_back(next_);
    next_ = newcomer;
  }
}

void Rack::sound(Engine* engine, Sound& sound, const float* const* raw, const float* const* heard, const float* const* side, int frames,
                 std::int64_t position, bool frozen) noexcept {
  if (engine != nullptr) {
    if (engine->origin.load(std::memory_order_relaxed) < 0) engine->origin.store(position, std::memory_order_release);
    engine->music->set_frozen(frozen);
    engine->play(raw, heard, side, sound.wet.data(), sound.late.data(), frames);
    return;
  }
  for (int channel = 0; channel < channels_; ++channel) {
    std::fill_n(sound.wet[channel], frames, 0.0F);
    std::copy_n(raw[channel], frames, sound.late[channel]);
  }
}

/// From what is heard to what comes. Inputs that are equally late are one signal, and need no more than a share each; all else are
/// strangers, whose power adds up.
void Rack::fade(int frames) noexcept {
  const std::size_t steps = rising_.size() - 1;
  const bool alike = now_ != nullptr && now_->music->latency() == next_->music->latency();
  for (int i = 0; i < frames; ++i) {
    step_ = std::min(step_ + 1, steps);
    const float up = rising_[step_], down = rising_[steps - step_];
    const float share = static_cast<float>(step_) / static_cast<float>(steps);
    const float late_up = alike ? share : up, late_down = alike ? 1 - share : down;
    for (int channel = 0; channel < channels_; ++channel) {
      wet[channel][i] = down * wet[channel][i] + up * next_sound_.wet[channel][i];
      late[channel][i] = late_down * late[channel][i] + late_up * next_sound_.late[channel][i];
    }
  }
  if (step_ < steps) return;
  if (now_ != nullptr) slot_.give_back(now_);
  now_ = std::exchange(next_, nullptr);
  step_ = 0;
}

}  // namespace lmdm::plugin
