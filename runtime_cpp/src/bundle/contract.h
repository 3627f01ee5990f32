#pragma once

#include "lmdm/manifest.h"

namespace lmdm::bundles {

/// Refuses a manifest whose parts do not fit one another.
/// Throws Error(bundle): a graph is missing, or an input or output is missing, unknown, or of another shape than the model's sizes give.
void require_contract(const Manifest& manifest);

}  // namespace lmdm::bundles
