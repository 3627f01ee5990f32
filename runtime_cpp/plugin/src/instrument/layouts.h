#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace lmdm::plugin {

/// A bundle of a block length of its own.
struct BundleLayout {
  std::filesystem::path folder;
  double seconds = 0;  ///< of one block
};

/// What a folder offers.
struct Offer {
  std::vector<BundleLayout> layouts;  ///< by block length
  std::string left_out;               ///< a sentence on bundles of another instrument, or empty
};

/// A folder with a manifest is one layout. Otherwise its sub-folders are, as far as they are of the same checkpoint and have the same
/// controls as the first. Reads manifests and nothing else.
/// Throws Error(bundle): there is no bundle, or no manifest that can be read.
[[nodiscard]] Offer layouts_of(const std::filesystem::path& folder);

}  // namespace lmdm::plugin
