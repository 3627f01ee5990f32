#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "instrument/engine.h"

namespace lmdm::plugin {

/// The music on its way from the audio thread to the pictures, in mono. Where nobody reads it, it is dropped.
class Tap {
 public:
  struct Moment {
    std::int64_t position = 0;  ///< host sample at which the piece begins
    int frames = 0;
    std::array<float, Engine::longest_piece> mono{};
  };

  /// Any thread.
  void open(bool open) noexcept { open_.store(open, std::memory_order_relaxed); }

  /// [audio]
  void write(const float* const* planes, int channels, int frames, std::int64_t position) noexcept LMDM_NONBLOCKING {
    const std::size_t end = end_.load(std::memory_order_relaxed);
    if (!open_.load(std::memory_order_relaxed) || end - begin_.load(std::memory_order_acquire) == moments_.size()) return;
    Moment& moment = moments_[end % moments_.size()];
    moment.position = position;
    moment.frames = frames;
    for (int i = 0; i < frames; ++i) {
      float sum = 0;
      for (int channel = 0; channel < channels; ++channel) sum += planes[channel][i];
      moment.mono[static_cast<std::size_t>(i)] = sum / static_cast<float>(channels);
    }
    end_.store(end + 1, std::memory_order_release);
  }

  /// One reader: the oldest piece, until `drop`; or null.
  [[nodiscard]] const Moment* read() const noexcept {
    const std::size_t begin = begin_.load(std::memory_order_relaxed);
    return begin == end_.load(std::memory_order_acquire) ? nullptr : &moments_[begin % moments_.size()];
  }
  void drop() noexcept { begin_.store(begin_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }

 private:
  std::array<Moment, 256> moments_;
  std::atomic<std::size_t> begin_{0}, end_{0};
  std::atomic<bool> open_{false};
};

}  // namespace lmdm::plugin
