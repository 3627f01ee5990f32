#include "view/smooth_clock.h"

#include <algorithm>
#include <cmath>

namespace lmdm::plugin {
namespace {

constexpr double jump = 0.4;        // seconds; more than two of the largest calls at 44.1 kHz
constexpr double correction = 0.1;  // share of the difference that is made good at each look

}  // namespace

double SmoothClock::at(double wall, double told) noexcept {
  const bool stands = told == told_ && wall - wall_ > jump;
  if (told != told_) wall_ = wall;
  const double expected = time_ + (running_ ? std::max(0.0, wall - last_) : 0.0);
  last_ = wall;
  if (!running_ || stands || std::abs(expected - told) > jump) {
    running_ = true;
    time_ = told;
  } else {
    time_ = std::max(time_, expected + correction * (told - expected));
  }
  told_ = told;
  return time_;
}

}  // namespace lmdm::plugin
