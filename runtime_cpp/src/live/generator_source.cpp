#include "live/generator_source.h"

#include <algorithm>
#include <type_traits>
#include <utility>

namespace lmdm::live {
namespace {

/// Frames of accompaniment behind a block's end that the network or the codec wants to see first.
int frames_ahead(const Manifest& manifest) {
  const auto found = std::ranges::find(manifest.controls, ControlSource::accompaniment, &ControlEntry::source);
  return std::max(0, found->t_f.value_or(0) + manifest.codec.encoder.right - manifest.model.block);
}

}  // namespace

GeneratorSource::GeneratorSource(Generator generator, InputRole role) : generator_(std::move(generator)), role_(role) {
  // Nothing but a question, which the generator refuses in its own words.
  if (role_ == InputRole::sketch) generator_.feed_sketch({});
  if (role_ == InputRole::accompaniment) generator_.stop_accompaniment();
}

SourceFormat GeneratorSource::format() const {
  SourceFormat format;
  format.sample_rate = generator_.sample_rate();
  format.channels = generator_.channels();
  format.block = generator_.block_samples();
  format.delay = generator_.delay_samples();
  format.takes_input = role_ != InputRole::none;
  if (role_ == InputRole::accompaniment) {
    format.lookahead = static_cast<std::size_t>(frames_ahead(generator_.manifest()) * generator_.manifest().codec.frame_size);
  }
  return format;
}

void GeneratorSource::require_ready() {
  if (prompted_) return;
  // The generator may have had its prompt before it came here. Making a block is the way to ask.
  const SourceFormat own = format();
  const auto channels = static_cast<std::size_t>(own.channels);
  std::vector<float> input(own.takes_input ? channels * (own.block + own.lookahead) : 0), audio(channels * own.block);
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
        } else {
          generator_.choose_sketch(wish.kinds, wish.smoothing);
        }
      },
      request);
}

void GeneratorSource::reset() {
  generator_.reset();
  fed_ = false;
}

void GeneratorSource::next(std::span<const float> input, std::span<float> audio) {
  if (role_ != InputRole::none) feed(input);
  generator_.next_block(audio);
}

/// The generator keeps what lay ahead of the last block; of this one it is given what it has not heard.
void GeneratorSource::feed(std::span<const float> input) {
  const auto channels = static_cast<std::size_t>(generator_.channels());
  const std::size_t given = input.size() / channels, wanted = std::exchange(fed_, true) ? generator_.block_samples() : given;
  newest_.resize(channels * wanted);
  for (std::size_t channel = 0; channel < channels; ++channel) {
    std::ranges::copy(input.subspan((channel + 1) * given - wanted, wanted),
                      newest_.begin() + static_cast<std::ptrdiff_t>(channel * wanted));
  }
  role_ == InputRole::sketch ? generator_.feed_sketch(newest_) : generator_.feed_accompaniment(newest_);
}

}  // namespace lmdm::live
