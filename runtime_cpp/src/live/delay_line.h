#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "live/planes.h"

namespace lmdm::live {

/// Channels as they were `delay` frames ago; silence before the beginning. Of one thread.
class DelayLine {
 public:
  DelayLine(int channels, std::size_t delay, std::size_t largest_push)
      : delay_(delay), planes_(channels, std::bit_ceil(delay + largest_push)), mask_(planes_.frames() - 1) {}

  /// Takes frames and gives as many. At most `largest_push`, and another place than `from`.
  void push(const float* const* from, float* const* to, std::size_t frames) noexcept {
    for (int channel = 0; channel < planes_.channels(); ++channel) {
      write(planes_[channel], from[channel], frames);
      read(planes_[channel], to[channel], frames);
    }
    written_ += frames;
  }

 private:
  void write(float* ring, const float* from, std::size_t frames) noexcept {
    const std::size_t begin = written_ & mask_, first = std::min(frames, planes_.frames() - begin);
    std::copy_n(from, first, ring + begin);
    std::copy_n(from + first, frames - first, ring);
  }
  void read(const float* ring, float* to, std::size_t frames) const noexcept {
    const std::size_t begin = (written_ - delay_) & mask_, first = std::min(frames, planes_.frames() - begin);
    std::copy_n(ring + begin, first, to);
    std::copy_n(ring, frames - first, to + first);
  }

  std::size_t delay_;
  Planes planes_;
  std::size_t mask_;
  std::size_t written_ = 0;
};

}  // namespace lmdm::live
