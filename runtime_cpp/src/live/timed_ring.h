#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "live/planes.h"

namespace lmdm::live {

/// Frames on their way from one thread to another, each of which keeps its position in time, so that what is missing never shifts what
/// follows. One thread writes and one reads; nothing waits, allocates or locks.
class TimedRing {
 public:
  /// Frames that follow each other without a hole.
  struct Run {
    std::int64_t position = 0;  ///< of the first
    std::size_t frames = 0;
    bool seam = false;  ///< the next run follows at once, but does not continue this one
  };

  TimedRing(int channels, std::size_t least_frames) : planes_(channels, std::bit_ceil(least_frames)), mask_(planes_.frames() - 1) {}

  /// [writer] All of the frames, or none where there is no room. `seam`: they do not continue what was written before.
  bool write(std::int64_t position, const float* const* from, std::size_t frames, bool seam = false) noexcept {
    if (frames == 0) return true;
    const std::uint64_t written = written_.load(std::memory_order_relaxed);
    if (frames > planes_.frames() - (written - read_.load(std::memory_order_acquire))) return false;
    if (position != next_ || seam) {
      const std::uint64_t made = breaks_made_.load(std::memory_order_relaxed);
      if (made - breaks_seen_.load(std::memory_order_acquire) == breaks_.size()) return false;
      breaks_[made % breaks_.size()] = {written, position};
      // Before the frames are: a reader that sees a frame sees the break before it.
      breaks_made_.store(made + 1, std::memory_order_release);
    }
    const std::size_t begin = written & mask_, first = std::min(frames, planes_.frames() - begin);
    for (int channel = 0; channel < planes_.channels(); ++channel) {
      std::copy_n(from[channel], first, planes_[channel] + begin);
      std::copy_n(from[channel] + first, frames - first, planes_[channel]);
    }
    next_ = position + static_cast<std::int64_t>(frames);
    written_.store(written + frames, std::memory_order_release);
    return true;
  }

  /// [reader] What comes next.
  [[nodiscard]] Run front() noexcept {
    const std::uint64_t written = written_.load(std::memory_order_acquire), read = read_.load(std::memory_order_relaxed);
    const std::uint64_t made = breaks_made_.load(std::memory_order_acquire);
    std::uint64_t seen = breaks_seen_.load(std::memory_order_relaxed);
    for (; seen != made && breaks_[seen % breaks_.size()].index == read; ++seen) position_ = breaks_[seen % breaks_.size()].position;
    breaks_seen_.store(seen, std::memory_order_release);
    Run run{position_, static_cast<std::size_t>(written - read), false};
    if (seen != made) {
      const Break& next = breaks_[seen % breaks_.size()];
      run.frames = static_cast<std::size_t>(next.index - read);
      run.seam = next.position == position_ + static_cast<std::int64_t>(run.frames);
    }
    return run;
  }

  /// [reader] Takes frames of the front run, no more than it has.
  void read(float* const* to, std::size_t frames) noexcept {
    const std::size_t begin = read_.load(std::memory_order_relaxed) & mask_, first = std::min(frames, planes_.frames() - begin);
    for (int channel = 0; channel < planes_.channels(); ++channel) {
      std::copy_n(planes_[channel] + begin, first, to[channel]);
      std::copy_n(planes_[channel], frames - first, to[channel] + first);
    }
    skip(frames);
  }
  void skip(std::size_t frames) noexcept {
    position_ += static_cast<std::int64_t>(frames);
    read_.store(read_.load(std::memory_order_relaxed) + frames, std::memory_order_release);
  }

  /// [reader] Lets go of everything before `position`, and gives what comes then: at `position`, later, or nothing yet.
  [[nodiscard]] Run seek(std::int64_t position) noexcept {
    for (;;) {
      const Run run = front();
      if (run.frames == 0 || run.position >= position) return run;
      skip(std::min(run.frames, static_cast<std::size_t>(position - run.position)));
    }
  }

 private:
  struct Break {
    std::uint64_t index = 0;    ///< of the first frame behind it, counted from the ring's beginning
    std::int64_t position = 0;  ///< of that frame
  };

  Planes planes_;
  std::size_t mask_;
  std::array<Break, 64> breaks_{};
  std::int64_t next_ = INT64_MIN;  ///< the writer's
  std::int64_t position_ = 0;      ///< the reader's
  alignas(64) std::atomic<std::uint64_t> written_{0};
  std::atomic<std::uint64_t> breaks_made_{0};
  alignas(64) std::atomic<std::uint64_t> read_{0};
  std::atomic<std::uint64_t> breaks_seen_{0};
};

}  // namespace lmdm::live
