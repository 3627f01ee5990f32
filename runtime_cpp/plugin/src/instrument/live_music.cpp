#include "instrument/live_music.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace lmdm::plugin {
namespace {

std::vector<std::string> sketch_kinds(const Manifest& manifest) {
  std::vector<std::string> kinds;
  for (const ControlEntry& control : manifest.controls) {
    if (control.source == ControlSource::sketch) kinds.push_back(control.kind);
  }
  return kinds;
}

Generator following(Generator generator, const std::vector<std::string>& kinds) {
  if (!kinds.empty()) generator.choose_sketch(kinds);
  return generator;
}

std::vector<WeightedPrompt> mix(const Wishes& wishes) {
  const double b = static_cast<double>(wishes.crossfade) / Wishes::crossfade_steps;
  if (b <= 0 || wishes.prompt_a == wishes.prompt_b) return {{wishes.prompt_a, 1}};
  if (b >= 1) return {{wishes.prompt_b, 1}};
  return {{wishes.prompt_a, 1 - b}, {wishes.prompt_b, b}};
}

std::optional<double> own_guidance(const SamplingEntry& sampling) {
  return sampling.guidance == Guidance::none ? std::nullopt : std::optional(sampling.guidance_scale);
}

}  // namespace

LiveMusic::LiveMusic(Generator generator, const LiveOptions& options, bool hears_side, const Wishes& wishes, const HostFormat& host)
    : host_(host),
      context_(generator.manifest().model.context),
      guidance_(own_guidance(generator.manifest().sampling)),
      hears_side_(hears_side),
      kinds_(options.input == InputRole::sketch || options.input == InputRole::both ? sketch_kinds(generator.manifest())
                                                                                    : std::vector<std::string>{}),
      processor_(following(std::move(generator), kinds_), options) {
  follow(wishes);
  restart();
}

void LiveMusic::process(const float* const* input, const float* const* side, float* const* output, int channels, int frames) noexcept {
  processor_.process(hears_side_ ? side : input, side, output, channels, frames);
}
void LiveMusic::set_frozen(bool frozen) noexcept {
  processor_.set_frozen(frozen);
}
std::int64_t LiveMusic::latency() const noexcept {
  return processor_.latency_samples();
}
LiveMetrics LiveMusic::metrics() const noexcept {
  return processor_.metrics();
}

void LiveMusic::follow(const Wishes& wishes) {
  if (followed_ == wishes) return;
  follow_prompts(wishes);
  follow_tuning(wishes);
  follow_sketch(wishes);
  followed_ = wishes;
}

void LiveMusic::follow_prompts(const Wishes& wishes) {
  const bool same = followed_ && followed_->prompt_a == wishes.prompt_a && followed_->prompt_b == wishes.prompt_b &&
                    followed_->crossfade == wishes.crossfade;
  if (!same) processor_.set_prompts(mix(wishes));
}

void LiveMusic::follow_tuning(const Wishes& wishes) {
  Tuning tuning;
  const auto changed = [&](auto field) { return !followed_ || (*followed_).*field != wishes.*field; };
  if (changed(&Wishes::seed)) tuning.seed = wishes.seed;
  if (changed(&Wishes::steps)) tuning.steps = wishes.steps;
  if (changed(&Wishes::guidance) && guidance_) tuning.guidance_scale = wishes.guidance > 0 ? wishes.guidance : *guidance_;
  if (changed(&Wishes::context_drop))
    tuning.context_drop = static_cast<int>(std::lround(wishes.context_drop * static_cast<float>(context_)));
  if (changed(&Wishes::feedback)) tuning.feedback = wishes.feedback;
  if (tuning.seed || tuning.steps || tuning.guidance_scale || tuning.context_drop || tuning.feedback) processor_.tune(tuning);
}

void LiveMusic::follow_sketch(const Wishes& wishes) {
  for (const auto& [kind, strength] : {std::pair{"pitch", &Wishes::pitch}, std::pair{"loudness", &Wishes::loudness}}) {
    const bool changed = !followed_ || (*followed_).*strength != wishes.*strength;
    if (changed && std::ranges::find(kinds_, kind) != kinds_.end()) processor_.set_strength(kind, wishes.*strength);
  }
}

void LiveMusic::begin_again() {
  processor_.reset();
}
void LiveMusic::restart() {
  processor_.prepare(host_.rate, host_.channels, host_.largest_block);
}
std::string LiveMusic::failure() const {
  return processor_.failure();
}
std::string LiveMusic::notice() const {
  return processor_.notice();
}
std::vector<BlockReport> LiveMusic::take_reports() {
  return processor_.take_reports();
}

}  // namespace lmdm::plugin
