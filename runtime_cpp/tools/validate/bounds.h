#pragma once

#include <span>
#include <string>
#include <vector>

/// Bounds that follow from measured rounding, never from taste, each with its reason in words; the same as those of `lmdm validate`.
namespace lmdm::validate {

/// The largest error that passes. `basis` is the measured figure behind it.
struct Bound {
  double value = 0;
  std::string reason;
  double basis = 0;
};

inline constexpr double single_run_factor = 16;
inline constexpr double closed_loop_factor = 32;

/// From `rounding`, the largest difference of torch in float32 and float64, of an output whose largest value is `peak`.
[[nodiscard]] Bound rounding_bound(double rounding, double peak);

/// A bound for every block of a rollout. `references` are error curves whose only cause is rounding or a disturbance of that size: their
/// running maximum is what the loop itself makes of rounding. `peaks` are the largest values of each block.
[[nodiscard]] std::vector<double> closed_loop_bounds(std::span<const std::vector<double>> references, std::span<const double> peaks);

}  // namespace lmdm::validate
