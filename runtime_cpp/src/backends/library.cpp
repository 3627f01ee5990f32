#include "backends/library.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <mutex>
#include <utility>

#include "backends/library_search.h"
#include "backends/platform.h"
#include "lmdm/error.h"

namespace lmdm::ort {
namespace {

constexpr std::size_t longest_line = 300;

/// "1.17" is the first release with API 17.
int api_of(const std::string& version) {
  const std::size_t point = version.find('.');
  int minor = 0;
  if (point != std::string::npos && version.starts_with("1.")) {
    std::from_chars(version.data() + point + 1, version.data() + version.size(), minor);
  }
  return minor;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    text += (text.empty() ? "" : ", ") + word;
  }
  return text;
}

/// What opening one candidate came to: a library, or why there is none.
struct Opened {
  std::shared_ptr<Library> library;
  std::string reason;
};

Opened open_candidate(const Candidate& candidate) {
  // Two backends share one environment, and it goes with the last of them.
  static std::mutex mutex;
  static std::map<const OrtApiBase*, std::weak_ptr<Library>> open_libraries;

  Opened opened;
  void* handle = platform::open_library(candidate.file, opened.reason);
  if (handle == nullptr) {
    return opened;
  }
  const auto get_base = reinterpret_cast<const OrtApiBase*(ORT_API_CALL*)()>(platform::symbol(handle, "OrtGetApiBase"));
  if (get_base == nullptr) {
    opened.reason = candidate.file.string() + " is no ONNX Runtime: it has no OrtGetApiBase";
    return opened;
  }
  const OrtApiBase* base = get_base();
  const std::string version = base->GetVersionString();
  // Asked only where it is known to answer: an older library prints to stderr.
  const OrtApi* api = api_of(version) >= api_floor ? base->GetApi(api_floor) : nullptr;
  if (api == nullptr) {
    opened.reason = candidate.file.string() + " is ONNX Runtime " + version + ", which is older than 1." + std::to_string(api_floor);
    return opened;
  }
  const std::filesystem::path file = platform::file_of(reinterpret_cast<const void*>(get_base));
  const std::lock_guard lock(mutex);
  std::weak_ptr<Library>& known = open_libraries[base];
  opened.library = known.lock();
  if (!opened.library) {
    known = opened.library = std::make_shared<Library>(*api, version, file.empty() ? candidate.file : file);
  }
  return opened;
}

void ORT_API_CALL drop_message(void*, OrtLoggingLevel, const char*, const char*, const char*, const char*) {}

}  // namespace

std::shared_ptr<Library> Library::open(const std::filesystem::path& configured) {
  const Search found = search(configured);
  std::string reasons;
  for (const Candidate& candidate : found.candidates) {
    Opened opened = open_candidate(candidate);
    if (opened.library) {
      return opened.library;
    }
    // That the loader does not know a bare name is no news: it is among the places.
    if (candidate.file.has_parent_path() || found.candidates.size() == 1) {
      reasons += (reasons.empty() ? " (" : "; ") + opened.reason;
    }
  }
  throw Error(ErrorKind::environment, "no ONNX Runtime 1." + std::to_string(api_floor) + " or newer was found, looked at " +
                                          joined(found.places) + reasons + (reasons.empty() ? "" : ")") +
                                          "; run: pip install -U onnxruntime, or set LMDM_ONNXRUNTIME to the path of " +
                                          platform::onnxruntime_names().back());
}

Library::Library(const OrtApi& api, std::string version, std::filesystem::path where)
    : api_(&api), version_(std::move(version)), where_(std::move(where)) {
  OrtEnv* environment = nullptr;
  // What goes wrong comes back as a status; nothing else belongs on the streams of the program that we are part of.
  check(api.CreateEnvWithCustomLogger(&drop_message, nullptr, ORT_LOGGING_LEVEL_ERROR, "lmdm", &environment));
  environment_ = Handle<OrtEnv>(environment, {api.ReleaseEnv});
  check(api.DisableTelemetryEvents(environment));
}

std::vector<std::string> Library::providers() const {
  char** names = nullptr;
  int count = 0;
  check(api_->GetAvailableProviders(&names, &count));
  std::vector<std::string> found(names, names + count);
  check(api_->ReleaseAvailableProviders(names, count));
  return found;
}

void Library::check(OrtStatus* status) const {
  if (status == nullptr) {
    return;
  }
  const Handle<OrtStatus> held(status, {api_->ReleaseStatus});
  std::string message = api_->GetErrorMessage(status);
  message.erase(0, message.find_first_not_of(" \t\r\n"));
  message = message.substr(0, std::min(message.find_first_of("\r\n"), longest_line));
  throw Failure(message.empty() ? "it gave no reason" : message);
}

}  // namespace lmdm::ort
