#pragma once

#include <optional>
#include <span>
#include <vector>

#include "lmdm/manifest.h"

/// Noise levels, and what a session may choose over what its bundle says.
namespace lmdm {

inline constexpr int most_steps = 1000;

/// Levels [steps + 1] evenly spaced in `log((1-t)/t)`, the first 1 and the last 0, rounded to float32 as a bundle stores them.
[[nodiscard]] std::vector<double> logsnr_schedule(int steps, double start = -6, double end = 2);
/// Throws Error(session): the levels do not fall from at most 1 to exactly 0.
void require_schedule(std::span<const double> levels);

/// The bundle's noise levels, or the log-SNR schedule of so many steps. Throws Error(session): too few or too many.
[[nodiscard]] std::vector<double> chosen_schedule(const SamplingEntry& sampling, std::optional<int> steps);
/// The bundle's guidance scale, or another where there is guidance. Throws Error(session): not finite, or nothing to scale.
[[nodiscard]] double chosen_scale(const SamplingEntry& sampling, std::optional<double> scale);

}  // namespace lmdm
