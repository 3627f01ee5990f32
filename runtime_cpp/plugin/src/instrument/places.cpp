#include "instrument/places.h"

#include <juce_core/juce_core.h>

#include <algorithm>
#include <system_error>
#include <vector>

namespace lmdm::plugin {
namespace {

namespace fs = std::filesystem;

fs::path environment(const char* name) {
  return juce::SystemStats::getEnvironmentVariable(name, {}).toStdString();
}

}  // namespace

fs::path instruments_folder() {
  const fs::path data = environment("XDG_DATA_HOME");
  if (!data.empty()) return data / "lmdm" / "instruments";
  const juce::File home = juce::File::getSpecialLocation(juce::File::userHomeDirectory);
  return fs::path(home.getFullPathName().toStdString()) / ".local" / "share" / "lmdm" / "instruments";
}

fs::path default_instrument() {
  const fs::path given = environment("LMDM_BUNDLE");
  if (!given.empty()) return given;
  std::vector<fs::path> found;
  std::error_code failed;
  for (fs::directory_iterator at(instruments_folder(), fs::directory_options::skip_permission_denied, failed), end; !failed && at != end;
       at.increment(failed)) {
    std::error_code unreadable;
    if (fs::is_regular_file(at->path() / "manifest.json", unreadable)) found.push_back(at->path());
  }
  return found.empty() ? fs::path() : *std::ranges::min_element(found);
}

}  // namespace lmdm::plugin
