#include "instrument/shared_bundle.h"

#include <juce_core/juce_core.h>
#include <openssl/sha.h>

#include <array>
#include <map>
#include <mutex>
#include <system_error>

namespace lmdm::plugin {
namespace {

namespace fs = std::filesystem;

fs::path resolved(const fs::path& folder) {
  std::error_code failed;
  const fs::path found = fs::weakly_canonical(folder, failed);
  return failed ? folder : found;
}

/// Whether the folder still holds what was loaded from it.
bool unchanged(const Bundle& bundle) {
  const juce::File manifest((bundle.folder() / "manifest.json").string());
  return manifest.loadFileAsString().toStdString() == bundle.manifest().document;
}

}  // namespace

std::shared_ptr<const Bundle> shared_bundle(const fs::path& folder) {
  static std::mutex mutex;
  static std::map<fs::path, std::weak_ptr<const Bundle>> in_use;

  const fs::path key = resolved(folder);
  // Held while loading: of two plugins that want the same bundle, the second waits for the first's.
  const std::scoped_lock lock(mutex);
  std::erase_if(in_use, [](const auto& entry) { return entry.second.expired(); });
  std::shared_ptr<const Bundle> bundle;
  if (const auto known = in_use.find(key); known != in_use.end()) bundle = known->second.lock();
  if (!bundle || !unchanged(*bundle)) {
    bundle = std::make_shared<const Bundle>(Bundle::load(key));
    in_use[key] = bundle;
  }
  return bundle;
}

std::string manifest_hash(const Manifest& manifest) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(manifest.document.data()), manifest.document.size(), digest.data());
  return juce::String::toHexString(digest.data(), static_cast<int>(digest.size()), 0).toStdString();
}

}  // namespace lmdm::plugin
