#pragma once

#include <cstdint>
#include <span>

#include "live/link.h"
#include "live/resampler.h"

namespace lmdm::live {

/// The music at the host's rate, on the inference thread, and on its way to the audio thread.
class OutputFeed {
 public:
  explicit OutputFeed(Link& link);

  /// What follows does not continue what was pushed before, and its first sample is that of a model position.
  void begin(std::int64_t position);
  /// Planar audio of `channels`; what is not finite counts as silence.
  void push(std::span<const float> audio);

 private:
  void write(std::size_t frames);

  Link& link_;
  Resampler resampler_;
  std::int64_t first_;  ///< host position before which nothing is heard
  bool begun_ = false, seam_ = false;
};

}  // namespace lmdm::live
