#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace lmdm::live {

/// How long the inference thread may sleep: long where nothing is to be done, about a millisecond where a deadline is near.
class Pace {
 public:
  using Seconds = std::chrono::duration<double>;

  Pace(double host_rate, std::int64_t largest_call, std::int64_t block)
      : rate_(host_rate),
        call_(static_cast<double>(largest_call) / host_rate),
        near_(std::clamp(call_ / 8, 0.001, 0.004)),
        idle_(std::clamp(static_cast<double>(block) / host_rate / 4, 0.002, 0.05)) {}

  /// Where nothing can be foreseen.
  [[nodiscard]] Seconds idle() const noexcept { return idle_; }

  /// With `missing` samples until there is work, at a time when the host has given `heard` samples in all.
  [[nodiscard]] Seconds next(std::int64_t heard, std::int64_t missing) noexcept {
    if (heard != heard_) {
      heard_ = heard;
      still_ = Seconds{0};
    }
    const Seconds foreseen{static_cast<double>(missing) / rate_};
    // A host that has not called for long has stopped.
    const bool stopped = still_.count() > 0.2 + 4 * call_;
    const Seconds wait = stopped ? idle_ : std::clamp(foreseen - near_, near_, std::max(near_, idle_ / 2));
    still_ += wait;
    return wait;
  }

 private:
  double rate_, call_;   ///< Hz, and seconds between calls
  Seconds near_, idle_;  ///< at a deadline, and away from all
  std::int64_t heard_ = -1;
  Seconds still_{0};  ///< since the host's last call
};

}  // namespace lmdm::live
