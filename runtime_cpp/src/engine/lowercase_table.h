#pragma once

#include <array>
#include <cstdint>

namespace lmdm {

/// Characters from `first` to `last` by `stride` whose lower case lies `shift` further on.
struct LowercaseRun {
  char32_t first, last;
  std::uint32_t stride;
  std::int32_t shift;
};

/// In rising order.
extern const std::array<LowercaseRun, 181> lowercase_runs;

}  // namespace lmdm
