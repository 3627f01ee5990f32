#pragma once

namespace lmdm::plugin {

/// Time that runs evenly although it is told in steps of a host's call. It never runs backwards but where what it is told jumps.
class SmoothClock {
 public:
  /// What is heard now, in seconds: `told` by the processor, at `wall` seconds of a steady clock.
  double at(double wall, double told) noexcept;

 private:
  bool running_ = false;
  double last_ = 0;             ///< look
  double wall_ = 0, told_ = 0;  ///< when `told_` was told first
  double time_ = 0;
};

}  // namespace lmdm::plugin
