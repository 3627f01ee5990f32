#pragma once

#include <cstdint>

#include "live/ratio.h"
#include "live/source.h"

namespace lmdm::live {

struct TimelineOptions {
  double host_rate = 48000;
  double margin_seconds = 0;      ///< time to make a block in
  std::int64_t largest_call = 0;  ///< frames by which a host is ahead of its clock when it calls; 0 where it waits for the music
  std::int64_t start = 0;         ///< host position at which the piece begins
};

/// When everything happens, in host samples counted from one beginning. Block k answers the input of model samples [k·S, (k + 1)·S); its
/// audio sounds `latency` later, exactly.
class Timeline {
 public:
  Timeline(const SourceFormat& format, const TimelineOptions& options);

  [[nodiscard]] const SourceFormat& format() const noexcept { return format_; }
  [[nodiscard]] Ratio to_host() const noexcept { return to_host_; }
  [[nodiscard]] Ratio to_model() const noexcept { return to_host_.inverse(); }
  [[nodiscard]] double host_rate() const noexcept { return host_rate_; }
  [[nodiscard]] std::int64_t start() const noexcept { return start_; }
  [[nodiscard]] std::int64_t latency() const noexcept { return latency_; }
  /// Over which one sound gives way to another. Music is ready this long before it must sound, so that it can still fade where none
  /// follows.
  [[nodiscard]] std::int64_t fade() const noexcept { return fade_; }
  [[nodiscard]] std::int64_t block() const noexcept { return to_host_.ceil(samples(1)); }
  /// Host samples by which the music's way through the resampler is late.
  [[nodiscard]] std::int64_t output_lag() const noexcept { return output_lag_; }

  /// The first block that begins at or after a host position.
  [[nodiscard]] std::int64_t block_from(std::int64_t position) const noexcept;
  /// Model position of a block's first sample of input.
  [[nodiscard]] std::int64_t model_begin(std::int64_t block) const noexcept { return samples(block); }
  /// Model position at which the first sample of its audio sounds.
  [[nodiscard]] std::int64_t audio_begin(std::int64_t block) const noexcept {
    return samples(block) - static_cast<std::int64_t>(format_.delay);
  }
  /// How much input the host must have given before the block can be made.
  [[nodiscard]] std::int64_t input_end(std::int64_t block) const noexcept;
  /// Host positions of what is heard of a block: from the first to before the second.
  [[nodiscard]] std::int64_t output_begin(std::int64_t block) const noexcept { return to_host_.ceil(audio_begin(block)) + latency_; }
  [[nodiscard]] std::int64_t output_end(std::int64_t block) const noexcept { return output_begin(block + 1); }
  /// Where the music begins that answers a block's input, behind what the codec made of earlier ones.
  [[nodiscard]] std::int64_t answer_begin(std::int64_t block) const noexcept { return to_host_.ceil(samples(block)) + latency_; }
  /// Where music must be there that answers the input from `position` on.
  [[nodiscard]] std::int64_t music_from(std::int64_t position) const noexcept { return answer_begin(block_from(position)); }

 private:
  [[nodiscard]] std::int64_t samples(std::int64_t blocks) const noexcept { return blocks * static_cast<std::int64_t>(format_.block); }

  SourceFormat format_;
  double host_rate_;
  Ratio to_host_;
  std::int64_t start_, fade_, input_lag_, output_lag_, latency_;
};

}  // namespace lmdm::live
