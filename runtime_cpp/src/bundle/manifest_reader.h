#pragma once

#include <filesystem>

#include "lmdm/manifest.h"

namespace lmdm::bundles {

/// Reads and checks a `manifest.json`. Throws Error(bundle): unreadable, not JSON, of another format version, or not of the schema's form.
[[nodiscard]] Manifest read_manifest(const std::filesystem::path& file);

}  // namespace lmdm::bundles
