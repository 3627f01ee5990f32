#include "validate/bounds.h"

#include <algorithm>

#include "validate/metrics.h"

namespace lmdm::validate {
namespace {

/// Roundings of the largest output that are always allowed: a function that rounds nowhere in torch may round elsewhere.
constexpr double floor_roundings = 8;

}  // namespace

Bound rounding_bound(double rounding, double peak) {
  const double floor = floor_roundings * epsilon * peak;
  if (single_run_factor * rounding >= floor)
    return {single_run_factor * rounding, "16 x the largest difference of torch in float32 and float64 on these inputs", rounding};
  return {floor, "8 x one float32 rounding of the largest value", epsilon * peak};
}

std::vector<double> closed_loop_bounds(std::span<const std::vector<double>> references, std::span<const double> peaks) {
  std::vector<double> bounds;
  double envelope = 0, largest = 0;
  for (std::size_t block = 0; block < peaks.size(); ++block) {
    for (const auto& curve : references)
      if (block < curve.size()) envelope = std::max(envelope, curve[block]);
    largest = std::max(largest, peaks[block]);
    bounds.push_back(std::max(closed_loop_factor * envelope, floor_roundings * epsilon * largest));
  }
  return bounds;
}

}  // namespace lmdm::validate
