#include "bundle/files.h"

#include <algorithm>
#include <system_error>

#include "bundle/python_repr.h"
#include "bundle/sentence.h"
#include "bundle/sha256.h"

namespace lmdm::bundles {

namespace fs = std::filesystem;

namespace {

fs::path utf8_path(const std::string& text) {
  return {std::u8string(text.begin(), text.end())};
}

}  // namespace

fs::path joined(const fs::path& folder, const std::string& name) {
  fs::path path = folder;
  for (std::size_t start = 0; start <= name.size();) {
    const std::size_t end = std::min(name.find('/', start), name.size());
    const std::string part = name.substr(start, end - start);
    if (!part.empty() && part != ".") path /= utf8_path(part);
    start = end + 1;
  }
  return path;
}

bool stays_inside(const fs::path& folder, const std::string& name) {
  const auto has = [&name](char c) { return name.find(c) != std::string::npos; };
  const bool drive = name.size() > 1 && name[1] == ':';
  if (name.starts_with('/') || drive || has('\\') || has('\0')) return false;
  const fs::path relative = utf8_path(name);
  if (std::find(relative.begin(), relative.end(), fs::path("..")) != relative.end()) return false;
  std::error_code failed;
  const fs::path root = fs::weakly_canonical(folder, failed);
  if (failed) return false;
  const fs::path file = fs::weakly_canonical(joined(folder, name), failed);
  if (failed) return failed == std::errc::filename_too_long;  // It is then no file of the folder, nor of any other.
  return std::mismatch(root.begin(), root.end(), file.begin(), file.end()).first == root.end();
}

fs::path inside(const fs::path& folder, const std::string& name) {
  if (!stays_inside(folder, name)) {
    refuse("the manifest of " + folder.string() + " names " + in_quotes(name) +
           ", which lies outside of the bundle; do not use this bundle");
  }
  return joined(folder, name);
}

void require_unchanged(const fs::path& folder, const FileEntry& entry) {
  const fs::path path = inside(folder, entry.path);
  const std::string advice = "; copy the bundle again, or " + std::string(export_again);
  std::error_code failed;
  const auto unreadable = [&path](const std::error_code& why) {
    refuse(path.string() + " cannot be read (" + why.message() + "); check its permissions");
  };
  const fs::file_status status = fs::status(path, failed);
  if (status.type() == fs::file_type::none) unreadable(failed);
  if (!fs::is_regular_file(status)) refuse(path.string() + " is missing" + advice);
  const std::uintmax_t size = fs::file_size(path, failed);
  if (failed) unreadable(failed);
  if (size != entry.bytes) {
    refuse(path.string() + " has " + std::to_string(size) + " bytes, expected " + std::to_string(entry.bytes) + advice);
  }
  std::string found;
  try {
    found = sha256_of(path);
  } catch (const std::system_error& error) {
    unreadable(error.code());
  }
  if (found != entry.sha256) {
    refuse(path.string() + " has SHA-256 " + found.substr(0, 12) + "…, expected " + entry.sha256.substr(0, 12) + "…" + advice);
  }
}

}  // namespace lmdm::bundles
