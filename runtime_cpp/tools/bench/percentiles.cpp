#include "bench/percentiles.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace lmdm::bench {
namespace {

double rounded(double value) {
  return std::round(value * 10000) / 10000;
}

double percentile(const std::vector<double>& sorted, double percent) {
  const double place = percent / 100 * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - std::floor(place)) * (sorted[above] - sorted[below]);
}

}  // namespace

nlohmann::ordered_json percentiles(std::vector<double> values) {
  nlohmann::ordered_json figures;
  std::ranges::sort(values);
  for (const auto& [name, percent] : {std::pair{"p50", 50.0}, {"p95", 95.0}, {"p99", 99.0}, {"max", 100.0}}) {
    figures[name] = values.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(rounded(percentile(values, percent)));
  }
  figures["count"] = values.size();
  return figures;
}

}  // namespace lmdm::bench
