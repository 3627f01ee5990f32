#include "bundle/manifest_reader.h"

#include <cerrno>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <system_error>

#include "bundle/json.h"
#include "bundle/manifest_document.h"
#include "bundle/schema.h"
#include "bundle/sentence.h"

namespace lmdm::bundles {

namespace {

// The largest instrument that the format allows states some thousand ports, well under a megabyte.
constexpr std::uintmax_t most_bytes = std::uintmax_t{16} << 20;

std::string text_of(const std::filesystem::path& file) {
  std::error_code failed;
  const auto status = std::filesystem::status(file, failed);
  if (status.type() == std::filesystem::file_type::not_found) {
    refuse(file.parent_path().string() + " is not a bundle: it has no manifest.json; write one with lmdm export");
  }
  const auto unreadable = [&file](const std::string& why) {
    refuse(file.string() + " cannot be read (" + why + "); check its permissions");
  };
  if (status.type() == std::filesystem::file_type::directory) unreadable("Is a directory");
  if (!std::filesystem::is_regular_file(status)) unreadable(failed ? failed.message() : "not a file");
  const auto size = std::filesystem::file_size(file, failed);
  if (!failed && size > most_bytes) {
    refuse(file.string() + " has " + std::to_string(size) + " bytes, expected at most " + std::to_string(most_bytes) +
           "; it is no manifest of a bundle");
  }
  errno = 0;
  std::ifstream stream(file, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(stream), {});
  if (!stream) unreadable(std::generic_category().message(errno != 0 ? errno : EIO));
  return text;
}

void require_version(const Json& document, const std::string& origin) {
  const auto found = document.is_object() ? document.find("format_version") : document.end();
  if (found == document.end() || !found->is_number_integer()) {
    refuse(origin + " states no format_version, expected " + std::to_string(format_version) + "; it is no manifest of a bundle");
  }
  if (found->get<double>() > format_version) {
    refuse(origin + " has format_version " + found->dump() + ", this runtime reads up to " + std::to_string(format_version) +
           "; run: pip install -U lmdm");
  }
  if (*found != format_version) {
    refuse(origin + " has format_version " + found->dump() + ", expected " + std::to_string(format_version) + "; " +
           std::string(export_again));
  }
}

}  // namespace

Manifest read_manifest(const std::filesystem::path& file) {
  static const Schema schema(manifest_schema_text);
  std::string text = text_of(file);
  Json document;
  try {
    document = parse_json(text);
  } catch (const std::runtime_error& error) {
    refuse(file.string() + " is not valid JSON (" + shortened(error.what(), 200) + "); export the bundle again with lmdm export");
  }
  require_version(document, file.string());
  if (const auto violation = schema.check(document)) {
    refuse(file.string() + " does not follow format " + std::to_string(format_version) + " at " + violation->where + ": " +
           violation->message + "; export it again with lmdm export");
  }
  Manifest manifest = manifest_of(document);
  manifest.document = std::move(text);
  return manifest;
}

}  // namespace lmdm::bundles
