#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "live/delay_line.h"
#include "live/link.h"
#include "live/planes.h"
#include "live/worker.h"
#include "lmdm/nonblocking.h"

namespace lmdm::live {

/// The audio thread's half: hands the input on, and plays music where there is some, else the host's input of the same time, or silence.
class Player {
 public:
  /// Frames that are handled at once; longer calls are cut.
  static constexpr std::size_t chunk = 512;

  /// `waits` is null in real time; offline it is who makes the music. `playing` is what the user wants.
  Player(Link& link, const std::atomic<bool>& playing, Worker* waits, bool dry, int host_channels);

  void process(const float* const* input, const float* const* side, float* const* output, int channels,
               int frames) noexcept LMDM_NONBLOCKING;

 private:
  /// Of one call, null where there is none.
  struct Inputs {
    const float* const* main;
    const float* const* side;
    int channels;
  };

  void process_chunk(const Inputs& inputs, float* const* output, std::size_t offset, std::size_t frames) noexcept LMDM_NONBLOCKING;
  /// Offline only.
  void wait_for_music(std::int64_t until) noexcept;
  void start_or_stop() noexcept LMDM_NONBLOCKING;
  void hear(const Inputs& inputs, std::size_t offset, std::size_t frames) noexcept LMDM_NONBLOCKING;
  /// One input's samples as the host's channels.
  void clean(const float* const* from, int channels, std::size_t offset, std::size_t frames) noexcept LMDM_NONBLOCKING;
  /// Plays what can be played alike, and returns how many frames that were.
  [[nodiscard]] std::size_t play(float* const* output, int channels, std::size_t offset, std::size_t done,
                                 std::size_t most) noexcept LMDM_NONBLOCKING;
  /// The gains of `frames` frames of a run, or of a hole. Returns whether they are anything but full music.
  [[nodiscard]] bool fade(std::int64_t position, const TimedRing::Run& run, std::size_t frames) noexcept LMDM_NONBLOCKING;
  void mix(float* to, int channel, int channels, std::size_t done, std::size_t frames, bool fading) noexcept LMDM_NONBLOCKING;
  void count_underrun(std::int64_t position) noexcept LMDM_NONBLOCKING;

  Link& link_;
  const std::atomic<bool>& playing_;
  Worker* waits_;
  bool dry_;
  std::int64_t position_;    ///< of the frame that sounds next
  std::int64_t music_from_;  ///< where music must be there

  Planes heard_, to_model_, music_, late_;
  DelayLine delay_;
  std::vector<float> rising_;     ///< gain of the music at each step of the fade, 0..fade
  std::vector<float> up_, down_;  ///< gains of music and dry, frame by frame
  std::int64_t step_ = 0;         ///< of the fade: 0 no music, fade() nothing else
  bool missing_ = false;          ///< in an underrun that is counted already
  bool begun_ = false;            ///< music has been heard
};

}  // namespace lmdm::live
