#pragma once

#include <filesystem>
#include <string>

#include "lmdm/manifest.h"

namespace lmdm::bundles {

/// The path as it is shown and opened: `name` has forward slashes.
[[nodiscard]] std::filesystem::path joined(const std::filesystem::path& folder, const std::string& name);
/// Whether a name stays in the folder as text and with links followed.
[[nodiscard]] bool stays_inside(const std::filesystem::path& folder, const std::string& name);
/// The file `name` of a bundle. Throws Error(bundle): the path, links followed, leaves the folder.
[[nodiscard]] std::filesystem::path inside(const std::filesystem::path& folder, const std::string& name);
/// Throws Error(bundle): the file is missing, or has another size or SHA-256 than the manifest says.
void require_unchanged(const std::filesystem::path& folder, const FileEntry& entry);

}  // namespace lmdm::bundles
