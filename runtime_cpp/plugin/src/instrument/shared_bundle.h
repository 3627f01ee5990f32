#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "lmdm/bundle.h"

namespace lmdm::plugin {

/// A bundle that every plugin of this process shares while one of them holds it, so that it is checked once; the backends share its
/// weights by themselves. Any thread. Throws Error(bundle) as Bundle::load.
[[nodiscard]] std::shared_ptr<const Bundle> shared_bundle(const std::filesystem::path& folder);

/// SHA-256 of a bundle's manifest, which holds those of all its files, in hexadecimal.
[[nodiscard]] std::string manifest_hash(const Manifest& manifest);

}  // namespace lmdm::plugin
