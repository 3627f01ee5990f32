#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/audio_queue.h"
#include "engine/codec_stream.h"
#include "engine/control_values.h"
#include "engine/stateful_graph.h"
#include "lmdm/backend.h"
#include "lmdm/manifest.h"

namespace lmdm {

/// Another stream of music as the window of each block may see it: context and block alike, up to the bundle's cutoff.
///
/// The first sample that is fed sounds with the first sample of the block that is made next. A cutoff beyond the context needs frames
/// that sound with a block before it is made, so that a player must give them ahead of time.
class AccompanimentStream {
 public:
  /// `manifest` and `backend` must outlive the stream; `encoder_first` are the first states of the codec's encoder, which is bound when
  /// audio is first needed.
  AccompanimentStream(const Manifest& manifest, Backend& backend, const ControlEntry& control, States encoder_first);

  /// Whether there is accompaniment.
  [[nodiscard]] bool on() const noexcept { return on_; }
  /// Frames known so far, counted from the beginning of the piece.
  [[nodiscard]] std::int64_t known() const noexcept { return first_ + static_cast<std::int64_t>(frames_.size()); }

  /// Frames in memory: what no later window sees has been dropped.
  [[nodiscard]] std::size_t kept() const noexcept { return frames_.size(); }
  /// No accompaniment from the next block on, and what was fed of it is forgotten; what is fed later begins with the block after.
  void stop();
  /// Block 0 comes next, without accompaniment.
  void reset();
  /// Audio [channels, samples] at the bundle's rate, behind what was fed before; switches the accompaniment on.
  /// Throws Error(session): wrong channels, samples that are not finite, or frames were fed before.
  void feed(std::span<const float> audio);
  /// Latent frames [C, N] that are known already, in place of audio.
  /// Throws Error(session): not a whole number of frames, values that are not finite, or audio was fed before.
  void feed_frames(std::span<const float> frames);
  /// Mask [1, window] and frames [C, window] of the block that is made now, zero from the cutoff on; all zero when off.
  /// Throws Error(session): frames before the cutoff are not known yet.
  [[nodiscard]] ControlValues window();
  /// The block has been made and the window slides on.
  void advance();

 private:
  void require(std::int64_t needed);
  void encode(std::int64_t needed);
  void append(std::span<const float> frames);

  const Manifest* manifest_;
  Backend* backend_;
  States encoder_first_;
  std::string mask_name_, input_name_;
  std::int64_t cutoff_, context_, block_;
  std::size_t rows_;
  std::optional<LiveEncoder> encoder_;
  AudioQueue queue_;
  std::int64_t played_ = 0;                ///< frames of the piece before the block that is made next
  std::int64_t first_ = 0;                 ///< the frame of the piece that `frames_` begins with
  std::deque<std::vector<float>> frames_;  ///< known frames [C]; what has left the window is dropped
  bool on_ = false, by_frames_ = false;
};

}  // namespace lmdm
