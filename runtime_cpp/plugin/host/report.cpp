#include "report.h"

#include <algorithm>

#include "bench/percentiles.h"

namespace lmdm::host {

using Json = nlohmann::ordered_json;

Json report(const Seen& seen, const CallTimes& times, double period_ms) {
  const auto over = [&](const std::vector<double>& milliseconds) {
    return std::ranges::count_if(milliseconds, [&](double ms) { return ms > period_ms; });
  };
  Json latencies = Json::array(), memory = Json::array();
  for (const auto& [seconds, samples] : seen.latencies) latencies.push_back({{"seconds", seconds}, {"samples", samples}});
  for (const auto& [seconds, own, resident] : seen.memory) {
    memory.push_back({{"seconds", seconds}, {"private_mib", own}, {"resident_mib", resident}});
  }
  return {{"calls", times.spent.size()},
          {"open_seconds", seen.open_seconds},
          {"ready_seconds", seen.ready_seconds},
          {"process_ms", bench::percentiles(times.spent)},
          {"process_over_period", over(times.spent)},
          {"woken_late_ms", bench::percentiles(times.woken_late)},
          {"woken_late_by_a_period", over(times.woken_late)},
          {"latencies", latencies},
          {"lost_frames", seen.lost_frames},
          {"memory", memory}};
}

}  // namespace lmdm::host
