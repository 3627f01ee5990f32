#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "lmdm/array.h"

/// Distances between a reference and what is held against it, and the jump at the seams of streamed audio; all in float64.
namespace lmdm::validate {

inline constexpr double epsilon = 1.1920928955078125e-07;  ///< one rounding of float32

/// `max_abs` is in the units of the output, `max_rel` is it over the reference's range, `cosine` is 1 for the same direction, `snr_db` is
/// infinite for equal arrays, `finite` is the share of values that are neither NaN nor infinite. A candidate with any value that is not
/// finite has an infinite error, so that it can never pass.
struct Errors {
  double max_abs = 0, max_rel = 0, cosine = 1, snr_db = 0, finite = 1, peak = 0;

  /// The worse of each figure.
  [[nodiscard]] Errors worst(const Errors& other) const noexcept;
};

[[nodiscard]] std::vector<double> doubles(std::span<const float> values);
[[nodiscard]] std::vector<double> doubles(const Array& array);
[[nodiscard]] double peak(std::span<const double> values) noexcept;

/// Both of the same size.
[[nodiscard]] Errors compare(std::span<const double> reference, std::span<const double> candidate);
[[nodiscard]] Errors compare(std::span<const float> reference, std::span<const float> candidate);

/// What happens at the block boundaries of streamed audio: `jump` is the largest difference of two neighbouring samples across a boundary
/// over the rms of such differences elsewhere, `reference_jump` the same of the reference, `boundary_error` and `interior_error` the
/// largest errors within `reach` samples of a boundary and away from it.
struct Seams {
  double jump = 0, reference_jump = 0, boundary_error = 0, interior_error = 0;
};

/// Planar audio [channels, samples]; some boundary must lie inside.
[[nodiscard]] Seams measure_seams(std::span<const float> reference, std::span<const float> streamed, std::size_t channels,
                                  std::span<const std::size_t> boundaries, std::size_t reach);
/// Root mean square of the differences of neighbouring samples.
[[nodiscard]] double rms_step(std::span<const float> audio, std::size_t channels);

}  // namespace lmdm::validate
