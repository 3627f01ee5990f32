#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <vector>

#include "clock.h"

namespace lmdm::host {

/// Figures of a performance; seconds count from its first call.
struct Seen {
  struct Latency {
    double seconds;
    int samples;
  };
  struct Memory {
    double seconds, private_mib, resident_mib;
  };
  double ready_seconds = 0;  ///< from when the plugin was opened until it told a latency
  double open_seconds = 0;   ///< that opening the first instance took
  std::vector<Latency> latencies;
  std::vector<Memory> memory;
  std::int64_t lost_frames = 0;  ///< of the recording
};

[[nodiscard]] nlohmann::ordered_json report(const Seen& seen, const CallTimes& times, double period_ms);

}  // namespace lmdm::host
