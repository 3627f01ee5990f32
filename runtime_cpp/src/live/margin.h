#pragma once

#include "live/source.h"

namespace lmdm::live {

/// Seconds to allow for the making of a block on this machine, found by making a few; at most what a block lasts, since a machine that
/// needs longer cannot play at all. The source must be reset afterwards.
[[nodiscard]] double measured_margin(Source& source);

/// The margin for a wish, where a block lasts so many seconds: on a grid, so that small differences between runs do not change the latency.
[[nodiscard]] double allowed_margin(double wanted, double block);

}  // namespace lmdm::live
