#pragma once

#include <filesystem>
#include <string>

namespace lmdm::bundles {

/// Lower-case hex digest of a file of any size. Throws std::system_error: the file cannot be read.
[[nodiscard]] std::string sha256_of(const std::filesystem::path& file);

}  // namespace lmdm::bundles
