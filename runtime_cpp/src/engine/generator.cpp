#include "lmdm/generator.h"

#include <algorithm>
#include <array>
#include <utility>

#include "engine/session.h"
#include "lmdm/error.h"

namespace lmdm {
namespace {

void require_room(std::size_t found, std::size_t expected, const char* what) {
  if (found != expected)
    throw Error(ErrorKind::session, std::string("there is room for ") + std::to_string(found) + " values, a block has " +
                                        std::to_string(expected) + "; give " + what);
}

}  // namespace

struct Generator::State {
  Session session;
};

Generator::Generator(const Bundle& bundle, std::shared_ptr<Backend> backend, const GeneratorOptions& options)
    : state_(new State{Session(bundle, bundle.manifest(), std::move(backend), options)}) {}
Generator::~Generator() = default;
Generator::Generator(Generator&&) noexcept = default;
Generator& Generator::operator=(Generator&&) noexcept = default;

const Manifest& Generator::manifest() const noexcept {
  return state_->session.manifest();
}
int Generator::sample_rate() const noexcept {
  return manifest().codec.sample_rate;
}
int Generator::channels() const noexcept {
  return manifest().codec.audio_channels;
}
std::size_t Generator::block_samples() const noexcept {
  return state_->session.block_samples();
}
std::size_t Generator::delay_samples() const noexcept {
  return state_->session.delay_samples();
}

void Generator::reset() {
  state_->session.reset();
}

void Generator::tune(const Tuning& tuning) {
  state_->session.tune(tuning);
}

void Generator::set_prompt(const std::string& prompt) {
  set_prompts(std::array{WeightedPrompt{prompt, 1}});
}
void Generator::set_prompts(std::span<const WeightedPrompt> mix) {
  state_->session.set_prompts(mix);
}
void Generator::set_embedding(const std::string& prompt, std::span<const float> embedding) {
  state_->session.set_embedding(prompt, embedding);
}

void Generator::set_control(const std::string& group, std::span<const float> values, std::size_t frames) {
  state_->session.controls().set(group, values, frames);
}

void Generator::choose_sketch(std::span<const std::string> kinds, std::optional<int> smoothing) {
  state_->session.controls().sketch().choose(kinds, smoothing);
}
void Generator::set_strength(const std::string& kind, double strength) {
  state_->session.controls().sketch().set_strength(kind, strength);
}
void Generator::feed_sketch(std::span<const float> audio) {
  state_->session.controls().sketch().feed(audio);
}

void Generator::feed_accompaniment(std::span<const float> audio) {
  state_->session.controls().accompaniment().feed(audio);
}
void Generator::feed_accompaniment_frames(std::span<const float> frames) {
  state_->session.controls().accompaniment().feed_frames(frames);
}
void Generator::stop_accompaniment() {
  state_->session.controls().accompaniment().stop();
}

std::vector<float> Generator::prime(std::span<const float> audio) {
  return state_->session.prime(audio);
}

void Generator::next_block(std::span<float> audio) {
  require_room(audio.size(), block_samples() * static_cast<std::size_t>(channels()), "channels * block_samples");
  state_->session.next(audio);
}

void Generator::next_latents(std::span<float> latents) {
  const ModelEntry& model = manifest().model;
  require_room(latents.size(), static_cast<std::size_t>(model.latent_channels) * static_cast<std::size_t>(model.block),
               "latent channels * frames");
  state_->session.next({});
  std::ranges::copy(state_->session.latent_block(), latents.begin());
}

std::uint64_t Generator::block_index() const noexcept {
  return state_->session.block_index();
}
std::span<const float> Generator::latent_block() const noexcept {
  return state_->session.latent_block();
}
std::span<const float> Generator::control(const std::string& group) const {
  return state_->session.followed(group);
}
const Timings& Generator::timings() const noexcept {
  return state_->session.timings();
}
const std::string& Generator::notice() const noexcept {
  return state_->session.notice();
}

void Generator::cancel() noexcept {
  state_->session.backend().cancel();
}
void Generator::resume() noexcept {
  state_->session.backend().resume();
}

}  // namespace lmdm
