#include "backends/thread_choice.h"

#include <cstdint>
#include <fstream>
#include <string>
#include <system_error>

#include "backends/platform.h"
#include "bundle/json.h"

namespace lmdm::ort {
namespace {

using bundles::Json;

constexpr std::size_t most_bytes = 65'536;

/// The file's text; nothing where it is no file, cannot be read or is too large to be ours.
std::optional<std::string> text_of(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) {  // a pipe would never end, and links may go in a circle
    return std::nullopt;
  }
  std::ifstream file(path, std::ios::binary);
  std::string text(most_bytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text.size() <= most_bytes ? std::optional(text) : std::nullopt;
}

/// Throws Json::exception: a part is missing or of another type.
std::int64_t whole(const Json& parent, const char* name) {
  const Json& value = parent.at(name);
  if (!value.is_number_integer()) {
    throw Json::other_error::create(500, std::string(name) + " is no integer", &value);
  }
  // Beyond int64 is beyond every number of cores.
  return value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX ? INT64_MAX : value.get<std::int64_t>();
}

}  // namespace

std::optional<ThreadChoice> thread_choice(const std::filesystem::path& bundle) {
  const std::optional<std::string> text = text_of(bundle / "threads.json");
  if (!text) {
    return std::nullopt;
  }
  try {
    const Json document = bundles::parse_json(*text);
    const Json& machine = document.at("machine");
    const auto& cpu = machine.at("cpu").get_ref<const std::string&>();
    const std::int64_t cores = whole(machine, "cores"), threads = whole(document, "threads");
    const bool spinning = document.at("spinning").get_ref<const bool&>();
    const bool sound = whole(document, "format") == 1 && threads >= 1 && threads <= cores;
    if (!sound || cpu != platform::cpu_model() || cores != platform::usable_cores()) {
      return std::nullopt;
    }
    return ThreadChoice{static_cast<int>(threads), spinning};
  } catch (const std::exception&) {  // no JSON, or of another form
    return std::nullopt;
  }
}

}  // namespace lmdm::ort
