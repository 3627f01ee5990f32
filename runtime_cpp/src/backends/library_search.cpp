#include "backends/library_search.h"

#include <algorithm>
#include <system_error>

#include "backends/platform.h"

namespace lmdm::ort {
namespace {

namespace fs = std::filesystem;

/// Entries of a folder that may not exist, in order of name.
std::vector<fs::path> entries(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator at(folder, fs::directory_options::skip_permission_denied, error), end; !error && at != end;
       at.increment(error)) {
    found.push_back(at->path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

void add_folder(Search& search, const fs::path& folder) {
  for (const fs::path& file : entries(folder)) {
    if (platform::is_onnxruntime(file.filename().string())) {
      search.candidates.push_back({file});
    }
  }
}

void add_given(Search& search, const fs::path& given) {
  std::error_code error;
  if (fs::is_directory(given, error)) {
    add_folder(search, given);
  } else {
    search.candidates.push_back({given});
  }
}

/// The wheels below a Python prefix, such as a virtual environment or /usr.
void add_wheels(Search& search, const fs::path& prefix) {
  std::vector<fs::path> packages = {prefix / "Lib" / "site-packages"};  // Windows
  for (const fs::path& python : entries(prefix / "lib")) {
    if (python.filename().string().starts_with("python3")) {
      packages.push_back(python / "site-packages");
      packages.push_back(python / "dist-packages");  // Debian
    }
  }
  for (const fs::path& folder : packages) {
    add_folder(search, folder / "onnxruntime" / "capi");
  }
}

/// Prefixes of the Python environments that this process can know of without starting Python.
std::vector<fs::path> python_prefixes() {
  std::vector<fs::path> prefixes;
  const auto add = [&](const fs::path& prefix) {
    if (std::find(prefixes.begin(), prefixes.end(), prefix) == prefixes.end()) {
      prefixes.push_back(prefix);
    }
  };
  for (const char* variable : {"VIRTUAL_ENV", "CONDA_PREFIX"}) {
    if (const auto prefix = platform::environment(variable)) {
      add(*prefix);
    }
  }
  for (const fs::path& folder : platform::executable_folders()) {
    std::error_code error;
    if (fs::exists(folder / "python3", error) || fs::exists(folder / "python.exe", error)) {
      add(folder.parent_path());
    }
  }
  if (const auto home = platform::environment("HOME")) {
    add(fs::path(*home) / ".local");
  }
  return prefixes;
}

}  // namespace

Search search(const fs::path& configured) {
  Search search;
  if (!configured.empty()) {
    search.places = {configured.string()};
    add_given(search, configured);
    return search;
  }
  if (const auto given = platform::environment("LMDM_ONNXRUNTIME")) {
    search.places = {"LMDM_ONNXRUNTIME=" + *given};
    add_given(search, *given);
    return search;
  }
  search.places.emplace_back("LMDM_ONNXRUNTIME (not set)");
  if (const fs::path folder = platform::own_folder(); !folder.empty()) {
    search.places.push_back(folder.string());
    add_folder(search, folder);
  }
  std::string loader = "the loader's folders (";
  for (const std::string& name : platform::onnxruntime_names()) {
    search.candidates.push_back({name});
    loader += (loader.back() == '(' ? "" : ", ") + name;
  }
  search.places.push_back(loader + ")");
  for (const fs::path& prefix : python_prefixes()) {
    search.places.push_back("Python packages below " + prefix.string());
    add_wheels(search, prefix);
  }
  return search;
}

}  // namespace lmdm::ort
