#pragma once

#include <cstdint>

namespace lmdm::live {

/// Two sample rates as an exact fraction. Sample `p` of one side sounds at the time of sample p·to/from of the other; positions are whole
/// samples from the beginning of the timeline and stay exact for as long as 63 bits last.
class Ratio {
 public:
  /// Rates in Hz, told apart to a thousandth.
  [[nodiscard]] static Ratio of(double from_hz, double to_hz) noexcept;

  [[nodiscard]] bool same() const noexcept { return from_ == to_; }
  [[nodiscard]] double value() const noexcept { return static_cast<double>(to_) / static_cast<double>(from_); }
  [[nodiscard]] Ratio inverse() const noexcept { return {to_, from_}; }

  /// The last sample of the other side that does not sound after `position`.
  [[nodiscard]] std::int64_t floor(std::int64_t position) const noexcept;
  /// The first sample of the other side that does not sound before `position`.
  [[nodiscard]] std::int64_t ceil(std::int64_t position) const noexcept { return -floor(-position); }
  /// A position, at most `reach` before `position`, at which samples of both sides sound together; the nearest to that where there is none.
  [[nodiscard]] std::int64_t meeting(std::int64_t position, std::int64_t reach = 65536) const noexcept;

 private:
  Ratio(std::int64_t from, std::int64_t to) noexcept : from_(from), to_(to) {}
  /// How far behind a sample of the other side `position` sounds, in [0, from).
  [[nodiscard]] std::int64_t phase(std::int64_t position) const noexcept;

  std::int64_t from_, to_;  ///< without a common divisor
};

}  // namespace lmdm::live
