#include "lmdm/bundle.h"

#include <filesystem>

#include "c/arguments.h"
#include "c/handles.h"

using lmdm::c::guarded;
using lmdm::c::required;

namespace {

// A path of bytes may be in any encoding, which char8_t makes UTF-8 on every system.
std::filesystem::path path_of(const std::string& text) {
  return std::u8string(text.begin(), text.end());
}

}  // namespace

lmdm_status lmdm_bundle_load(const char* folder, lmdm_bundle** bundle, char* error, size_t error_size) {
  return guarded(error, error_size, [&] {
    lmdm_bundle*& made = required(bundle, "bundle");
    made = nullptr;
    made = new lmdm_bundle{lmdm::Bundle::load(path_of(lmdm::c::text(folder, "folder")))};
  });
}

void lmdm_bundle_free(lmdm_bundle* bundle) {
  delete bundle;
}

lmdm_status lmdm_bundle_manifest(const lmdm_bundle* bundle, const char** json, size_t* length, char* error, size_t error_size) {
  return guarded(error, error_size, [&] {
    const std::string& document = required(bundle, "bundle").bundle.manifest().document;
    required(json, "json") = document.c_str();
    if (length != nullptr) *length = document.size();
  });
}
