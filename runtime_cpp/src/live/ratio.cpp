#include "live/ratio.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace lmdm::live {
namespace {

struct Division {
  std::int64_t quotient, remainder;
};

/// Towards minus infinity, so that positions before the beginning behave as those behind it.
Division divide(std::int64_t value, std::int64_t by) noexcept {
  const std::int64_t quotient = value / by - (value % by < 0 ? 1 : 0);
  return {quotient, value - quotient * by};
}

}  // namespace

Ratio Ratio::of(double from_hz, double to_hz) noexcept {
  const auto from = static_cast<std::int64_t>(std::llround(from_hz * 1000)), to = static_cast<std::int64_t>(std::llround(to_hz * 1000));
  const std::int64_t common = std::gcd(from, to);
  return {from / common, to / common};
}

std::int64_t Ratio::floor(std::int64_t position) const noexcept {
  // Whole periods first: the product of what is left stays below from * to, and hours do not overflow.
  const auto [periods, rest] = divide(position, from_);
  return periods * to_ + rest * to_ / from_;
}

std::int64_t Ratio::phase(std::int64_t position) const noexcept {
  return divide(position, from_).remainder * to_ % from_;
}

std::int64_t Ratio::meeting(std::int64_t position, std::int64_t reach) const noexcept {
  const std::int64_t rest = divide(position, from_).remainder;
  if (rest <= reach) return position - rest;
  std::int64_t best = position;
  for (std::int64_t back = 1; back <= std::min<std::int64_t>(reach, 4096); ++back) {
    if (phase(position - back) < phase(best)) best = position - back;
  }
  return best;
}

}  // namespace lmdm::live
