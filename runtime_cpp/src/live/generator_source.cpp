#include "live/generator_source.h"

#include <algorithm>
#include <optional>
#include <type_traits>
#include <utility>

#include "lmdm/error.h"

namespace lmdm::live {
namespace {

/// Frames of accompaniment behind a block's end that the network or the codec wants to see first.
int frames_ahead(const Manifest& manifest) {
  const auto found = std::ranges::find(manifest.controls, ControlSource::accompaniment, &ControlEntry::source);
  return std::max(0, found->t_f.value_or(0) + manifest.codec.encoder.right - manifest.model.block);
}

bool hears_sketch(InputRole role) noexcept {
  return role == InputRole::sketch || role == InputRole::both;
}
bool hears_accompaniment(InputRole role) noexcept {
  return role == InputRole::accompaniment || role == InputRole::both;
}

/// Every field of a tuning by itself.
std::vector<Tuning> fields(const Tuning& tuning) {
  std::vector<Tuning> single;
  if (tuning.seed) single.push_back({.seed = tuning.seed});
  if (tuning.steps) single.push_back({.steps = tuning.steps});
  if (tuning.guidance_scale) single.push_back({.guidance_scale = tuning.guidance_scale});
  if (tuning.context_drop) single.push_back({.context_drop = tuning.context_drop});
  if (tuning.feedback) single.push_back({.feedback = tuning.feedback});
  return single;
}

}  // namespace

GeneratorSource::GeneratorSource(Generator generator, InputRole role) : generator_(std::move(generator)), role_(role) {
  // Nothing but a question, which the generator refuses in its own words.
  if (hears_sketch(role_)) generator_.feed_sketch({});
  if (hears_accompaniment(role_)) generator_.stop_accompaniment();
}

SourceFormat GeneratorSource::format() const {
  SourceFormat format;
  format.sample_rate = generator_.sample_rate();
  format.channels = generator_.channels();
  format.block = generator_.block_samples();
  format.delay = generator_.delay_samples();
  format.inputs = (hears_sketch(role_) ? 1 : 0) + (hears_accompaniment(role_) ? 1 : 0);
  if (hears_accompaniment(role_)) {
    format.lookahead = static_cast<std::size_t>(frames_ahead(generator_.manifest()) * generator_.manifest().codec.frame_size);
  }
  return format;
}

void GeneratorSource::require_ready() {
  if (prompted_) return;
  // The generator may have had its prompt before it came here. Making a block is the way to ask.
  const SourceFormat own = format();
  std::vector<float> input(own.input_values()), audio(static_cast<std::size_t>(own.channels) * own.block);
  next(input, audio);
  prompted_ = true;
}

void GeneratorSource::apply(const Request& request) {
  std::visit(
      [this](const auto& wish) {
        using Wish = std::decay_t<decltype(wish)>;
        if constexpr (std::is_same_v<Wish, PromptRequest>) {
          generator_.set_prompts(wish.mix);
          prompted_ = true;
        } else if constexpr (std::is_same_v<Wish, ControlRequest>) {
          generator_.set_control(wish.group, wish.values, wish.frames);
        } else if constexpr (std::is_same_v<Wish, SketchRequest>) {
          generator_.choose_sketch(wish.kinds, wish.smoothing);
        } else if constexpr (std::is_same_v<Wish, TuningRequest>) {
          tune(wish.tuning);
        } else {
          generator_.set_strength(wish.kind, wish.strength);
        }
      },
      request);
}

void GeneratorSource::reset() {
  generator_.reset();
  fed_ = false;
}

void GeneratorSource::freeze(bool frozen) {
  frozen_ = frozen;
  hold_noise();
}

void GeneratorSource::next(std::span<const float> input, std::span<float> audio) {
  if (role_ != InputRole::none) feed(input);
  generator_.next_block(audio);
}

Followed GeneratorSource::followed() const {
  Followed followed;
  followed.frames = static_cast<std::size_t>(generator_.manifest().model.block);
  for (const Group& group : generator_.manifest().groups()) {
    const auto values = generator_.control(group.name);
    followed.controls.emplace(group.name, std::vector<float>(values.begin(), values.end()));
  }
  return followed;
}

void GeneratorSource::tune(const Tuning& tuning) {
  if (tuning.hold_noise) {
    held_ = *tuning.hold_noise;
    hold_noise();
  }
  // What waited together was not wished for together: one bad value must not take the others with it.
  std::optional<Error> refusal;
  for (const Tuning& field : fields(tuning)) {
    try {
      generator_.tune(field);
    } catch (const Error& error) {
      if (!refusal) refusal = error;
    }
  }
  if (refusal) throw Error(*refusal);
}

void GeneratorSource::hold_noise() {
  generator_.tune({.hold_noise = held_ || frozen_});
}

void GeneratorSource::feed(std::span<const float> input) {
  const std::size_t block = generator_.block_samples();
  const bool first = !std::exchange(fed_, true);
  if (hears_sketch(role_)) generator_.feed_sketch(part(input, 0, 0, block));
  if (!hears_accompaniment(role_)) return;
  // The generator keeps what lay ahead of the last block; of this one it is given what it has not heard.
  const std::size_t ahead = format().lookahead, from = first ? 0 : ahead;
  generator_.feed_accompaniment(part(input, role_ == InputRole::both ? 1 : 0, from, block + ahead - from));
}

/// Samples of all channels of one bus.
std::span<const float> GeneratorSource::part(std::span<const float> input, std::size_t bus, std::size_t from, std::size_t count) {
  const SourceFormat own = format();
  const auto channels = static_cast<std::size_t>(own.channels);
  const std::size_t length = own.block + own.lookahead;
  part_.resize(channels * count);
  for (std::size_t channel = 0; channel < channels; ++channel) {
    std::ranges::copy(input.subspan((bus * channels + channel) * length + from, count),
                      part_.begin() + static_cast<std::ptrdiff_t>(channel * count));
  }
  return part_;
}

}  // namespace lmdm::live
