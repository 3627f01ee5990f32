#pragma once

#include <algorithm>
#include <cstddef>

namespace lmdm::live {

/// Channel `to` of `to_channels` as it follows from `from_channels`: many to one are averaged, otherwise channels are copied, in turn where
/// there are too few. Adds nothing but the mean, so that a loud stereo input never clips in mono.
inline void map_channel(const float* const* from, int from_channels, float* to_samples, int to, int to_channels,
                        std::size_t count) noexcept {
  if (to_channels > 1 || from_channels == 1) {
    std::copy_n(from[to % from_channels], count, to_samples);
    return;
  }
  std::fill_n(to_samples, count, 0.0F);
  const float share = 1.0F / static_cast<float>(from_channels);
  for (int channel = 0; channel < from_channels; ++channel) {
    const float* samples = from[channel];
    for (std::size_t i = 0; i < count; ++i) to_samples[i] += share * samples[i];
  }
}

}  // namespace lmdm::live
