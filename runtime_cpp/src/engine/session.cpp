#include "engine/session.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <utility>

#include "engine/audio_queue.h"
#include "engine/float_io.h"
#include "engine/planar.h"
#include "engine/spelling.h"
#include "lmdm/error.h"

namespace lmdm {
namespace {

/// Runs `stage` and adds its milliseconds to `total`.
template <class Stage>
auto timed(double& total, Stage&& stage) {
  struct Clock {
    double& total;
    std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
    ~Clock() { total += std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count(); }
  } const clock{total};
  return std::forward<Stage>(stage)();
}

/// What the conditioner is told of the piece's length: the bundle's figure, or the window in whole seconds.
double told_seconds(const Manifest& manifest) {
  const auto window = static_cast<std::int64_t>(manifest.model.context) + manifest.model.block;
  return manifest.sampling.seconds_total.value_or(static_cast<double>(window * manifest.codec.frame_size / manifest.codec.sample_rate));
}

Buffers decoder_ports(const Manifest& manifest, Backend& backend) {
  const GraphEntry& graph = manifest.graphs.at("cached_decoder");
  Buffers ports;
  for (const std::string& name : {std::string("x"), std::string("t")}) ports.emplace(name, backend.buffer(*graph.input(name)));
  ports.emplace("velocity", backend.buffer(*graph.output("velocity")));
  for (const Group& group : manifest.groups())
    ports.emplace("control_" + group.name, backend.buffer(*graph.input("control_" + group.name)));
  return ports;
}

std::unique_ptr<Solver> chosen_solver(const Manifest& manifest, const GeneratorOptions& options, std::size_t count) {
  return make_solver(options.solver.value_or(manifest.sampling.solver), manifest.sampling.guidance, count);
}

bool finite(std::span<const float> values) noexcept {
  return std::ranges::all_of(values, [](float value) { return std::isfinite(value); });
}

}  // namespace

/// The network as a solver sees it.
class Session::Steps final : public Flow {
 public:
  explicit Steps(Session& session)
      : session_(session), x_(*session.ports_.at("x")), t_(*session.ports_.at("t")), velocity_(*session.ports_.at("velocity")) {}

  Guided velocity(std::span<const float> x, double t) override {
    const std::array<float, 1> level{static_cast<float>(t)};
    write_floats(x_, x);
    write_floats(t_, level);
    session_.cache_->decoder().run();
    read_floats(velocity_, session_.velocity_);
    return session_.guide_(session_.velocity_);
  }
  void noise(std::uint32_t draw, std::span<float> values) override {
    session_.settings_.noise().fill(session_.noise_block(), draw, values);
  }

 private:
  Session& session_;
  Buffer &x_, &t_, &velocity_;
};

Session::Session(const Bundle& bundle, Manifest manifest, std::shared_ptr<Backend> backend, const GeneratorOptions& options)
    : bundle_(bundle),
      manifest_(std::move(manifest)),
      backend_(std::move(backend)),
      settings_(manifest_, options),
      rows_(static_cast<std::size_t>(manifest_.model.latent_channels)),
      block_(static_cast<std::size_t>(manifest_.model.block)),
      context_(static_cast<std::size_t>(manifest_.model.context)),
      guide_(manifest_.sampling.guidance, settings_.guidance_scale(), rows_ * block_),
      solver_(chosen_solver(manifest_, options, rows_ * block_)),
      controls_(manifest_, *backend_, sketch_states(bundle_), first_states(bundle_, manifest_.codec.encoder)),
      conditioning_(bundle_, *backend_, told_seconds(manifest_)),
      ports_(decoder_ports(manifest_, *backend_)),
      cache_(make_context_cache(manifest_, *backend_, conditioning_.buffers(), ports_)),
      decoder_(manifest_, *backend_, first_states(bundle_, manifest_.codec.decoder)),
      clean_(rows_ * context_),
      made_(rows_ * block_),
      velocity_(guide_.network_count()) {
  newest_.reserve(made_.size());
  reset();
}

Session::~Session() = default;

std::size_t Session::block_samples() const noexcept {
  return block_ * static_cast<std::size_t>(manifest_.codec.frame_size);
}

std::size_t Session::delay_samples() const noexcept {
  return static_cast<std::size_t>(manifest_.codec.decoder.delay) * static_cast<std::size_t>(manifest_.codec.frame_size);
}

std::span<const float> Session::followed(const std::string& group) const {
  const std::vector<Group> groups = manifest_.groups();
  if (std::ranges::find(groups, group, &Group::name) == groups.end()) {
    std::string names;
    for (const Group& own : groups) names += (names.empty() ? "" : ", ") + own.name;
    throw Error(ErrorKind::session, "this bundle has no control " + spelled(group) + "; it has " + (names.empty() ? "none" : names));
  }
  const auto found = followed_.find(group);
  return found == followed_.end() ? std::span<const float>() : found->second;
}

void Session::reset() {
  index_ = noise_index_ = 0;
  followed_.clear();
  timings_ = {};
  newest_.clear();
  std::ranges::fill(clean_, 0.0F);
  dominant_.reset();
  cached_ = false;
  applied_.clear();
  controls_.reset();
  decoder_.reset();
}

void Session::tune(const Tuning& tuning) {
  settings_.tune(tuning);
  guide_.set_scale(settings_.guidance_scale());
}

void Session::set_prompts(std::span<const WeightedPrompt> mix) {
  Mix made = normalised_mix(mix);
  conditioning_.require_known(made);
  mix_ = std::move(made);
}

void Session::set_embedding(const std::string& prompt, std::span<const float> embedding) {
  conditioning_.give(prompt, embedding);
  applied_.clear();
}

std::vector<float> Session::prime(std::span<const float> audio) {
  const std::vector<float> samples = whole_frames(audio, manifest_.codec);
  if (!encoder_) encoder_.emplace(manifest_, *backend_, first_states(bundle_, manifest_.codec.encoder));
  const std::vector<float> frames = encoder_->encode(samples);
  controls_.prime(samples);
  const std::size_t known = frames.size() / rows_, kept = std::min(known, context_);
  std::vector<float> newest(rows_ * kept);
  copy_columns(frames, rows_, known - kept, newest);
  std::ranges::fill(clean_, 0.0F);
  paste_columns(newest, rows_, clean_, context_ - kept);
  cached_ = false;
  if (index_ != 0) return {};
  decoder_.reset();
  const auto channels = static_cast<std::size_t>(manifest_.codec.audio_channels);
  std::vector<float> part(rows_ * block_), decoded(channels * block_samples()), heard;
  for (std::size_t start = kept % block_; start < kept; start += block_) {
    copy_columns(newest, rows_, start, part);
    const std::size_t silent = std::min(decoder_.silent(), block_samples());
    decoder_.decode(part, decoded);
    heard.resize(channels * (block_samples() - silent));
    copy_columns(decoded, channels, silent, heard);
  }
  return heard;
}

void Session::next(std::span<float> audio) {
  if (mix_.empty()) throw Error(ErrorKind::session, "no prompt has been set; call set_prompt before the first block");
  timings_ = {};
  timed(timings_.controls, [this] { controls_.prepare(); });
  const bool changed = timed(timings_.prompt, [this] { return enter(); });
  const bool anew = changed || !cached_;
  bool moved = false;
  cached_ = false;
  try {
    timed(timings_.context, [&] { cache_->encode(clean_, controls_.history(), anew); });
    moved = !anew;
    timed(timings_.steps, [this] { sample(); });
    if (!audio.empty()) timed(timings_.decode, [&] { decoder_.decode(made_, audio); });
  } catch (const Error& error) {
    // What a graph left behind that failed is not trusted, and the context is encoded anew; a cancelled block left nothing bad behind.
    if (error.kind() == ErrorKind::cancelled && !anew) {
      if (moved) cache_->undo();
      cached_ = true;
    }
    throw;
  }
  commit();
}

bool Session::enter() {
  if (!same_mix(mix_, applied_)) {
    applied_.clear();
    conditioning_.apply(mix_);
    applied_ = mix_;
  }
  const std::string& now = dominant(mix_);
  if (dominant_ == now) return false;
  const bool changed = dominant_.has_value();
  dominant_ = now;
  if (changed) {
    const auto dropped = static_cast<std::ptrdiff_t>(settings_.context_drop());
    for (std::size_t row = 0; row < rows_; ++row) std::fill_n(clean_.begin() + static_cast<std::ptrdiff_t>(row * context_), dropped, 0.0F);
  }
  return changed;
}

void Session::sample() {
  following_ = controls_.block();
  for (const auto& [group, values] : following_) write_floats(*ports_.at("control_" + group), values);
  Steps steps(*this);
  steps.noise(0, made_);
  solver_->solve(steps, made_, settings_.schedule());
  if (!finite(made_))
    throw Error(ErrorKind::runtime, "block " + std::to_string(index_) +
                                        " holds values that are not finite; reset the session, and run lmdm validate on the bundle");
}

std::uint64_t Session::noise_block() const noexcept {
  return settings_.hold_noise() ? noise_index_ : index_;
}

void Session::commit() {
  controls_.advance();
  newest_.assign(made_.begin(), made_.end());
  for (float& value : made_) value *= settings_.feedback();
  slide(clean_, made_, rows_);
  followed_.swap(following_);
  noise_index_ = noise_block();
  cached_ = true;
  ++index_;
}

}  // namespace lmdm
