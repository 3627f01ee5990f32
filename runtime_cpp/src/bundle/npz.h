#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "lmdm/array.h"

namespace lmdm::bundles {

/// The arrays of an npz file by name. Throws std::runtime_error with the reason in words.
[[nodiscard]] std::map<std::string, Array> read_npz(const std::filesystem::path& file);

}  // namespace lmdm::bundles
