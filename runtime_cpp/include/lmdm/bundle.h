#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "lmdm/array.h"
#include "lmdm/export.h"
#include "lmdm/manifest.h"

namespace lmdm {

/// A checked folder; copies share it. Paths given to its functions are those of the manifest. Safe for use from several threads.
class LMDM_EXPORT Bundle {
 public:
  /// Opens a bundle and checks all of it, weights included.
  /// Throws Error(bundle): not a folder, no or a bad manifest, a file that is missing, changed or outside of the folder, or a graph
  /// whose stated inputs and outputs are not those of the model that the manifest describes.
  [[nodiscard]] static Bundle load(const std::filesystem::path& folder);

  [[nodiscard]] const std::filesystem::path& folder() const noexcept;
  [[nodiscard]] const Manifest& manifest() const noexcept;
  /// Where a file lies. Throws Error(bundle) where the path, links followed, leaves the folder.
  [[nodiscard]] std::filesystem::path file(const std::string& name) const;
  /// The graph of that name. Throws Error(bundle) where there is none.
  [[nodiscard]] const GraphEntry& graph(const std::string& name) const;
  /// The arrays of an npz file of the bundle. Throws Error(bundle): it is no npz file.
  [[nodiscard]] std::map<std::string, Array> arrays(const std::string& name) const;

 private:
  struct Content;
  explicit Bundle(std::shared_ptr<const Content> content) : content_(std::move(content)) {}
  std::shared_ptr<const Content> content_;
};

}  // namespace lmdm
