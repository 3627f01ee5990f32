#pragma once

#include <cstddef>
#include <deque>
#include <span>
#include <string_view>
#include <vector>

#include "lmdm/manifest.h"

/// Audio that a caller hands to a generator: checked once, and kept until blocks use it. Planar [channels, samples].
namespace lmdm {

/// Throws Error(session): not a whole number of samples for each channel, or samples that are not finite; `what` names the audio.
void require_audio(std::span<const float> audio, int channels, std::string_view what);

/// Priming audio without the samples at its beginning that do not fill a frame.
/// Throws Error(session): wrong channels, less than one frame, or samples that are not finite.
[[nodiscard]] std::vector<float> whole_frames(std::span<const float> audio, const CodecEntry& codec);

/// Samples in the order in which they came. Memory follows what is waiting: what was taken is freed.
class AudioQueue {
 public:
  explicit AudioQueue(std::size_t channels) : channels_(channels) {}

  /// Samples of one channel that are waiting.
  [[nodiscard]] std::size_t samples() const noexcept { return samples_; }
  void put(std::span<const float> audio);
  /// The oldest samples into `audio` [channels, n], silence where there are not so many; they stay in the queue.
  void peek(std::span<float> audio) const noexcept;
  /// Forgets the oldest `samples`, or all where there are not so many.
  void drop(std::size_t samples) noexcept;
  void clear() noexcept;

 private:
  struct Part {
    std::vector<float> values;       ///< [channels, size]
    std::size_t begin = 0, end = 0;  ///< samples of each channel that wait
  };

  std::size_t channels_, samples_ = 0;
  std::deque<Part> parts_;
};

}  // namespace lmdm
