#pragma once

#include <chrono>
#include <cstdint>

#include "lmdm/live_processor.h"

namespace lmdm::plugin {

/// Whether the machine is overloaded: a block came too late a short while ago.
class LoadWatch {
 public:
  /// Seconds of a clock of its own.
  [[nodiscard]] static double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

  /// The counters of what is heard; they may begin again.
  void see(const LiveMetrics& metrics) {
    const std::uint64_t late = metrics.underruns + metrics.dropped_blocks;
    if (late > late_) until_ = now() + lasts;
    late_ = late;
  }
  [[nodiscard]] bool overloaded() const { return now() < until_; }

 private:
  static constexpr double lasts = 5;

  std::uint64_t late_ = 0;
  double until_ = 0;
};

}  // namespace lmdm::plugin
