#include "instrument/layouts.h"

#include <juce_core/juce_core.h>

#include <algorithm>
#include <optional>
#include <system_error>

#include "lmdm/error.h"

namespace lmdm::plugin {
namespace {

namespace fs = std::filesystem;

struct Candidate {
  BundleLayout layout;
  juce::String instrument;  ///< equal for layouts of one instrument
};

/// Nothing where the manifest is none; `Bundle::load` then says what is wrong with it.
std::optional<Candidate> read(const fs::path& folder) {
  const juce::var manifest = juce::JSON::parse(juce::File((folder / "manifest.json").string()));
  const juce::var model = manifest["model"], codec = manifest["codec"];
  const double frames = model["block"], frame = codec["frame_size"], rate = codec["sample_rate"];
  if (!(frames > 0 && frame > 0 && rate > 0)) return std::nullopt;
  juce::String instrument = manifest["checkpoint"]["sha256"].toString();
  if (const auto* controls = manifest["controls"].getArray()) {
    for (const juce::var& control : *controls) instrument += "/" + control["kind"].toString() + ":" + control["source"].toString();
  }
  return Candidate{{folder, frames * frame / rate}, instrument};
}

std::vector<fs::path> bundles_below(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code failed;
  for (fs::directory_iterator at(folder, fs::directory_options::skip_permission_denied, failed), end; !failed && at != end;
       at.increment(failed)) {
    std::error_code unreadable;
    if (fs::is_regular_file(at->path() / "manifest.json", unreadable)) found.push_back(at->path());
  }
  std::ranges::sort(found);
  return found;
}

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(ErrorKind::bundle, sentence);
}

}  // namespace

Offer layouts_of(const fs::path& folder) {
  std::error_code failed;
  if (!fs::is_directory(folder, failed)) {
    refuse("there is no instrument at " + folder.string() + "; it may have been moved, so choose its folder again");
  }
  if (fs::exists(folder / "manifest.json", failed)) {
    const auto own = read(folder);
    return {{own ? own->layout : BundleLayout{folder, 0}}, {}};
  }
  Offer offer;
  juce::String instrument;
  std::string others;
  for (const fs::path& below : bundles_below(folder)) {
    const auto candidate = read(below);
    if (!offer.layouts.empty() && candidate && candidate->instrument != instrument) {
      others += (others.empty() ? "" : ", ") + below.filename().string();
    } else if (candidate) {
      instrument = candidate->instrument;
      offer.layouts.push_back(candidate->layout);
    }
  }
  if (offer.layouts.empty()) {
    refuse(folder.string() +
           " is no instrument: neither it nor a folder in it has a manifest.json that can be read; choose a bundle that"
           " lmdm export has written");
  }
  std::ranges::stable_sort(offer.layouts, {}, &BundleLayout::seconds);
  if (!others.empty()) offer.left_out = "left out, as they are of another instrument: " + others;
  return offer;
}

}  // namespace lmdm::plugin
