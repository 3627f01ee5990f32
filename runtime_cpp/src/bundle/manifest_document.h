#pragma once

#include "bundle/json.h"
#include "lmdm/manifest.h"

namespace lmdm::bundles {

/// The typed form of a document that follows the schema; `document` is left empty.
[[nodiscard]] Manifest manifest_of(const Json& document);

}  // namespace lmdm::bundles
