#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

namespace lmdm::testing {

/// A valid bundle in memory that uses every part of the format: text, sketch, accompaniment, carried state and context, fixtures. Its
/// graphs name their weights and compute nothing.
struct TinyBundle {
  nlohmann::json manifest;
  std::map<std::string, std::string> files;

  TinyBundle();
  /// States the sizes and hashes of the files as they are now, where the manifest still has the parts that do.
  void seal();
  /// Writes the files and the manifest.
  void write(const std::filesystem::path& folder) const;
};

/// A folder that is removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace lmdm::testing
