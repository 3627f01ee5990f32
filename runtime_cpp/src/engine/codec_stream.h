#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/stateful_graph.h"
#include "lmdm/backend.h"
#include "lmdm/manifest.h"

/// The codec as an endless stream without seams: by carried state, or by the frames around a block.
///
/// Audio is planar [channels, samples], frames are planar [C, frames]. `first` holds the first values of the direction's state (see
/// `first_states`). A call that throws leaves the stream as it was, so that it can be made again.
namespace lmdm {

/// Frames in blocks -> audio in blocks, `delay` frames late where the codec looks ahead.
///
/// With a fade, the end of one run, which later frames would still change, is blended into the beginning of the next.
class StreamDecoder {
 public:
  StreamDecoder(const Manifest& manifest, Backend& backend, States first);

  /// Nothing has been decoded yet.
  void reset();
  /// Frames [C, block] -> audio [channels, block * frame_size]; silence where a delayed stream has not begun yet.
  void decode(std::span<const float> frames, std::span<float> audio);
  /// Samples of silence that are still to come before the first frame is heard.
  [[nodiscard]] std::size_t silent() const noexcept { return silent_; }

 private:
  void fade(std::span<float> made);

  std::size_t channels_, rows_, delay_;
  std::shared_ptr<Buffer> frames_, audio_;
  StatefulGraph graph_;
  States first_;
  std::vector<float> rise_;    ///< of the fade, a value a sample; empty without one
  std::vector<float> window_;  ///< [C, frames that a run hears]
  std::vector<float> next_;    ///< the window of the run that is under way
  std::vector<float> made_;    ///< what it made
  std::vector<float> held_;    ///< [channels, fade], the end of the last run; empty before the first
  std::size_t silent_ = 0;
};

/// Audio of any length -> frames, as one stream from silence.
class StreamEncoder {
 public:
  StreamEncoder(const Manifest& manifest, Backend& backend, States first);

  /// Audio [channels, N * frame_size] -> frames [C, N].
  /// Runs cover whole blocks; silence fills the last one, and stands before and after the audio of a codec that looks to both sides.
  [[nodiscard]] std::vector<float> encode(std::span<const float> audio);

 private:
  std::size_t channels_, rows_, frame_size_, block_, left_;
  std::shared_ptr<Buffer> audio_, frames_;
  StatefulGraph graph_;
  States first_;
};

/// Audio as it comes -> frames, as one stream from silence; frames come out `delay` frames late where the codec looks ahead.
class LiveEncoder {
 public:
  LiveEncoder(const Manifest& manifest, Backend& backend, States first);

  /// Nothing has been heard yet.
  void restart();
  /// Frames by which what comes out is late.
  [[nodiscard]] std::size_t delay() const noexcept { return delay_; }
  /// Frames of audio to push next for `wanted` frames, of which `available` are at hand; 0 where it must wait for more.
  /// A codec that carries state runs over whole blocks only; one that looks around takes any number up to a block.
  [[nodiscard]] std::size_t fitting(std::size_t available, std::size_t wanted) const noexcept;
  /// Audio [channels, n * frame_size], n as `fitting` said -> the frames that it completes, [C, at most n].
  [[nodiscard]] std::vector<float> push(std::span<const float> audio);

 private:
  std::size_t channels_, rows_, frame_size_, block_, delay_;
  bool looks_around_;
  std::shared_ptr<Buffer> audio_, frames_;
  StatefulGraph graph_;
  States first_;
  std::vector<float> heard_;  ///< [channels, samples that a run hears]
  std::size_t silent_ = 0;    ///< frames still to come that only silence has made
};

}  // namespace lmdm
