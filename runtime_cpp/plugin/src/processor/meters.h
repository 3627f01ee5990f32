#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstdint>

#include "lmdm/nonblocking.h"

namespace lmdm::plugin {

/// What the audio thread lets others see of it.
struct Meters {
  using Peaks = std::array<std::atomic<float>, 2>;

  Peaks input{}, output{};                ///< largest magnitudes since they were last taken
  std::atomic<std::int64_t> position{0};  ///< host samples
  std::atomic<double> rate{0};            ///< Hz; 0: not prepared
  std::atomic<bool> frozen{false};

  /// [audio] Both channels show what a single one has.
  static void see(Peaks& peaks, const float* const* planes, int channels, int frames) noexcept LMDM_NONBLOCKING {
    for (std::size_t i = 0; i < peaks.size(); ++i) {
      const float* samples = planes[std::min(static_cast<int>(i), channels - 1)];
      float peak = peaks[i].load(std::memory_order_relaxed);
      for (int frame = 0; frame < frames; ++frame) peak = std::max(peak, std::abs(samples[frame]));
      peaks[i].store(peak, std::memory_order_relaxed);
    }
  }
  [[nodiscard]] static std::array<float, 2> take(Peaks& peaks) noexcept { return {peaks[0].exchange(0), peaks[1].exchange(0)}; }
};

}  // namespace lmdm::plugin
