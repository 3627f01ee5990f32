#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "lmdm/generator.h"

/// From recorded audio into a stream that continues it, without a click where one ends and the other begins.
namespace lmdm::run {

/// What to play before a stream's blocks, planar, and how many of their first samples to leave out.
struct Opening {
  std::vector<float> audio;
  std::size_t skip = 0;
};

/// Primes a generator that has not begun. The end of `audio`, planar, is blended into the codec's version of it: the decoder keeps its own
/// phases, so that recorded samples and decoded ones do not meet by themselves.
[[nodiscard]] Opening primed_opening(Generator& generator, std::span<const float> audio);

}  // namespace lmdm::run
