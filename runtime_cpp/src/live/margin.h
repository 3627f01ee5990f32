#pragma once

#include "live/source.h"

namespace lmdm::live {

/// Seconds to allow for the making of a block on this machine, found by making a few; at most what a block lasts, since a machine that
/// needs longer cannot play at all. The source must be reset afterwards.
[[nodiscard]] double measured_margin(Source& source);

}  // namespace lmdm::live
