#pragma once

#include <cstdint>
#include <vector>

#include "instrument/engine.h"
#include "processor/engine_slot.h"

namespace lmdm::plugin {

/// Planes of samples for one piece.
class Piece {
 public:
  void prepare(int channels) {
    samples_.assign(static_cast<std::size_t>(channels) * Engine::longest_piece, 0.0F);
    planes_.clear();
    for (int channel = 0; channel < channels; ++channel) planes_.push_back(samples_.data() + channel * Engine::longest_piece);
  }
  [[nodiscard]] float* operator[](int channel) const noexcept { return planes_[static_cast<std::size_t>(channel)]; }
  [[nodiscard]] float* const* data() const noexcept { return planes_.data(); }

 private:
  std::vector<float> samples_;
  std::vector<float*> planes_;
};

/// The engines of the audio thread: the one that is heard, and the one that comes. That one plays along unheard until its first music is
/// due, and is then faded to; so a change of block length, headroom or instrument is never a hole.
class Rack {
 public:
  explicit Rack(EngineSlot& slot) : slot_(slot) {}

  /// Not while `play` runs. `engine`, which may be null, is what is heard from the beginning; the others are forgotten.
  void prepare(double rate, int channels, Engine* engine);

  /// [audio] Plays a piece, at most Engine::longest_piece frames from host sample `position` on. `raw` is the host's input, `heard` what
  /// the music hears of it, `side` may be null. Afterwards there are `wet` and `late`, the input as late as the music is; without an
  /// engine it is not late.
  void play(const float* const* raw, const float* const* heard, const float* const* side, int frames, std::int64_t position, bool frozen,
            bool offline) noexcept LMDM_NONBLOCKING;

  Piece wet, late;

 private:
  struct Sound {
    Piece wet, late;
  };

  void take_turns(bool offline) noexcept LMDM_NONBLOCKING;
  void sound(Engine* engine, Sound& sound, const float* const* raw, const float* const* heard, const float* const* side, int frames,
             std::int64_t position, bool frozen) noexcept LMDM_NONBLOCKING;
  void fade(int frames) noexcept LMDM_NONBLOCKING;

  EngineSlot& slot_;
  int channels_ = 0;
  Engine *now_ = nullptr, *next_ = nullptr;
  Sound sound_, next_sound_;
  std::vector<float> rising_;  ///< gain at each step of the fade
  std::size_t step_ = 0;       ///< 0: the fade has not begun
};

}  // namespace lmdm::plugin
