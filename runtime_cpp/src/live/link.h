#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "live/timed_ring.h"
#include "live/timeline.h"

namespace lmdm::live {

/// Figures that one thread writes and any thread reads.
struct Counters {
  std::atomic<std::uint64_t> blocks{0}, underruns{0}, underrun_samples{0}, dropped_blocks{0};
  std::atomic<double> block_ms{0}, worst_block_ms{0};
  std::atomic<double> controls_ms{0}, prompt_ms{0}, context_ms{0}, steps_ms{0}, decode_ms{0};
  std::atomic<int> priority{0};
};

/// Adds to a counter that only the calling thread writes.
template <class T>
void add(std::atomic<T>& counter, T value) noexcept {
  counter.store(counter.load(std::memory_order_relaxed) + value, std::memory_order_relaxed);
}

/// All that the audio thread and the inference thread share. Positions are host samples of one timeline.
struct Link {
  explicit Link(const Timeline& line)
      : timeline(line),
        input(std::max(line.format().input_channels(), 1), static_cast<std::size_t>(line.latency() + 3 * line.block() + 32768)),
        output(line.format().channels, static_cast<std::size_t>(line.latency() + 3 * line.block() + line.output_lag() + 32768)),
        heard(line.start()),
        playhead(line.start()),
        played_from(line.start()),
        decided(std::max(line.start() + line.latency(), line.output_begin(line.block_from(line.start())))) {}

  const Timeline timeline;
  TimedRing input;   ///< audio thread -> inference thread
  TimedRing output;  ///< and back
  Counters counters;

  std::atomic<bool> running{false};       ///< by the audio thread: music is wanted
  std::atomic<bool> failed{false};        ///< by the inference thread
  std::atomic<std::int64_t> heard;        ///< by the audio thread: input before it is in the ring, or lost
  std::atomic<std::int64_t> playhead;     ///< by the audio thread: output before it has sounded
  std::atomic<std::int64_t> played_from;  ///< by the audio thread: where `running` last became true
  std::atomic<std::int64_t> decided;      ///< by the inference thread: output before it is in the ring, or will not come
};

}  // namespace lmdm::live
