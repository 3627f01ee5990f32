#include "instrument/builder.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "instrument/live_music.h"
#include "instrument/shared_bundle.h"
#include "lmdm/error.h"
#include "lmdm/onnxruntime.h"

namespace lmdm::plugin {
namespace {

bool has(const Manifest& manifest, ControlSource source) {
  return std::ranges::find(manifest.controls, source, &ControlEntry::source) != manifest.controls.end();
}

/// An instrument that only accompanies hears the side-chain where there is one, and else the input.
InputRole role_of(const Manifest& manifest, bool side) {
  const bool sketch = has(manifest, ControlSource::sketch), accompaniment = has(manifest, ControlSource::accompaniment);
  if (sketch && accompaniment && side) return InputRole::both;
  if (sketch) return InputRole::sketch;
  return accompaniment ? InputRole::accompaniment : InputRole::none;
}

double margin_of(Headroom headroom, const Manifest& manifest) {
  switch (headroom) {
    case Headroom::measured:
      return 0;
    case Headroom::ms_50:
      return 0.05;
    case Headroom::ms_100:
      return 0.1;
    case Headroom::ms_200:
      return 0.2;
    case Headroom::ms_400:
      return 0.4;
    case Headroom::whole_block:
      break;
  }
  return static_cast<double>(manifest.model.block) * manifest.codec.frame_size / manifest.codec.sample_rate;
}

// The lowest realtime priority: above every ordinary program, below every audio callback. Where the system refuses it, the thread stays as it is.
constexpr int inference_priority = 1;

LiveOptions options_of(const EngineSpec& spec, const Manifest& manifest) {
  LiveOptions options;
  options.input = role_of(manifest, spec.side);
  options.underrun = spec.underrun;
  // Offline nothing is late.
  options.margin_seconds = spec.offline ? 0 : margin_of(spec.headroom, manifest);
  options.offline = spec.offline;
  options.realtime_priority = spec.offline ? 0 : inference_priority;
  options.reports = true;
  return options;
}

/// Half of the machine, and no more than helps: the host and other plugins play too.
int threads() {
  return std::clamp(static_cast<int>(std::thread::hardware_concurrency()) / 2, 1, 4);
}

Facts facts_of(const Bundle& bundle) {
  const Manifest& manifest = bundle.manifest();
  return {manifest.name,
          bundle.folder(),
          manifest_hash(manifest),
          sketch_layout(manifest),
          has(manifest, ControlSource::accompaniment),
          manifest.sampling.guidance != Guidance::none};
}

}  // namespace

std::unique_ptr<Engine> BundleBuilder::build(const std::filesystem::path& bundle, const EngineSpec& spec, const Wishes& wishes,
                                             const Progress& progress) {
  require_wanted();
  progress(0.05, "reading " + bundle.filename().string());
  bundle_ = shared_bundle(bundle);
  require_wanted();
  progress(0.4, "starting ONNX Runtime");
  const std::shared_ptr<Backend> backend = make_onnxruntime_backend(*bundle_, {.threads = threads()});
  {
    const std::scoped_lock lock(mutex_);
    building_ = backend;
  }
  require_wanted();
  progress(0.5, "loading the graphs of " + bundle_->manifest().name);
  Generator generator(*bundle_, backend, {.seed = wishes.seed});
  require_wanted();
  progress(0.8, spec.offline || spec.headroom != Headroom::measured ? "preparing " + bundle_->manifest().name
                                                                    : "measuring how fast this machine plays " + bundle_->manifest().name);
  auto engine = std::make_unique<Engine>();
  engine->spec = spec;
  engine->facts = facts_of(*bundle_);
  const LiveOptions options = options_of(spec, bundle_->manifest());
  engine->music = std::make_unique<LiveMusic>(std::move(generator), options, spec.side && options.input == InputRole::accompaniment, wishes,
                                              HostFormat{spec.rate, spec.channels, spec.largest_block});
  engine->prepare();
  progress(1, "");
  return engine;
}

void BundleBuilder::cancel() noexcept {
  const std::scoped_lock lock(mutex_);
  cancelled_ = true;
  if (const auto backend = building_.lock()) backend->cancel();
}

void BundleBuilder::require_wanted() {
  const std::scoped_lock lock(mutex_);
  if (cancelled_) throw Error(ErrorKind::cancelled, "the plugin is being removed");
}

}  // namespace lmdm::plugin
