#pragma once

#include <cstdint>
#include <string>

namespace lmdm::plugin {

/// What a musician asks of the music, at the resolution at which it is handed over.
struct Wishes {
  /// Steps of the crossfade: automation costs at most one run of the conditioner a block, and none where nothing is heard of it.
  static constexpr int crossfade_steps = 64;

  std::string prompt_a, prompt_b;
  int crossfade = 0;  ///< 0: prompt A alone, crossfade_steps: prompt B alone
  float pitch = 1, loudness = 1;
  float context_drop = 0.7F;  ///< share of the context
  float feedback = 1;
  int steps = 0;       ///< 0: the bundle's
  float guidance = 0;  ///< 0: the bundle's
  std::uint64_t seed = 0;

  bool operator==(const Wishes&) const = default;
};

}  // namespace lmdm::plugin
