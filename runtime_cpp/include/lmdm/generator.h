#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lmdm/backend.h"
#include "lmdm/bundle.h"
#include "lmdm/export.h"

namespace lmdm {

struct GeneratorOptions {
  std::uint64_t seed = 0;                     ///< key of all noise
  std::optional<int> steps = {};              ///< solver steps a block; without it the bundle's schedule
  std::optional<double> guidance_scale = {};  ///< without it the bundle's
  std::optional<std::string> solver = {};     ///< without it the bundle's
};

/// What may change between two blocks; what is not given stays as it is.
struct Tuning {
  std::optional<std::uint64_t> seed = {};
  std::optional<int> steps = {};              ///< solver steps a block; 0: the bundle's schedule
  std::optional<double> guidance_scale = {};  ///< of CFG, or the lambda of CFG++
  std::optional<int> context_drop = {};       ///< oldest frames of context that a change of the dominant prompt forgets, 0 to the context
  /// 0 to 1: gain with which a block enters the context of those after it. 1: the paper's rollout; 0: every block begins from null context,
  /// though the controls that were played stay in sight.
  std::optional<double> feedback = {};
  std::optional<bool> hold_noise = {};  ///< the next blocks get the noise of the newest block, before the first that of block 0
};

struct WeightedPrompt {
  std::string prompt;
  double weight = 1;
};

/// Milliseconds of each stage of the last block.
struct Timings {
  double controls = 0, prompt = 0, context = 0, steps = 0, decode = 0;
  [[nodiscard]] double total() const noexcept { return controls + prompt + context + steps + decode; }
};

/// One endless piece of music, made block by block from a bundle (Algorithms 2 and 3 of the paper): the blocking API, for offline work,
/// tools and tests. Every call may allocate, lock and take long: never on an audio thread.
///
/// One thread at a time, but for `cancel`. The same seed, prompts, controls and settings give the same samples on the same machine.
/// Audio is planar: channel after channel, `[channels, samples]`, float32 at `sample_rate()`.
class LMDM_EXPORT Generator {
 public:
  /// Throws Error(session): a setting that the bundle cannot serve; Error(bundle): a graph does not load.
  Generator(const Bundle& bundle, std::shared_ptr<Backend> backend, const GeneratorOptions& options = {});
  ~Generator();
  Generator(Generator&&) noexcept;
  Generator& operator=(Generator&&) noexcept;

  [[nodiscard]] const Manifest& manifest() const noexcept;
  [[nodiscard]] int sample_rate() const noexcept;
  [[nodiscard]] int channels() const noexcept;
  /// Samples of one channel that one block gives.
  [[nodiscard]] std::size_t block_samples() const noexcept;
  /// Samples by which the codec's look-ahead delays the audio behind the latent block.
  [[nodiscard]] std::size_t delay_samples() const noexcept;

  /// Begins the piece again: null context, block 0, nothing heard and nothing fed. What was set, chosen or tuned stays.
  void reset();

  /// From the next block on. Throws Error(session): a value that is out of range or that the bundle cannot serve; nothing has changed then.
  void tune(const Tuning& tuning);

  /// From the next block on. Throws Error(session): an empty mix, bad weights, or a prompt without embedding in a bundle without text
  /// encoder.
  void set_prompt(const std::string& prompt);
  void set_prompts(std::span<const WeightedPrompt> mix);
  /// The text embedding [text_tokens, text_width] that `prompt` stands for.
  void set_embedding(const std::string& prompt, std::span<const float> embedding);

  /// Local control from the next block on: values [channels, frames] row by row, whose last frame is held.
  /// Throws Error(session): unknown control, one that a sketch feeds now, a wrong number of values, or values that are not finite.
  void set_control(const std::string& group, std::span<const float> values, std::size_t frames = 1);

  /// Which sketch controls the next blocks follow, and the length of the median in frames; none lets go of the sketch.
  void choose_sketch(std::span<const std::string> kinds, std::optional<int> smoothing = std::nullopt);
  /// Scales a sketch control from the next block on, presence and all, between absent (0) and as heard (1).
  /// Throws Error(session): no such sketch control, or another strength.
  void set_strength(const std::string& kind, double strength);
  /// Audio to follow, any length, behind what was fed before; each block takes `block_samples` of it, and silence where it is missing.
  void feed_sketch(std::span<const float> audio);
  /// Audio to play along with; its first sample sounds with the first sample of the next block.
  void feed_accompaniment(std::span<const float> audio);
  /// Latent frames [C, N] in place of audio.
  void feed_accompaniment_frames(std::span<const float> frames);
  void stop_accompaniment();

  /// Makes audio the context that the next block continues. Returns what the decoder makes of its last block, [channels, samples], which
  /// is empty in the middle of a piece or where the audio is too short to be heard.
  std::vector<float> prime(std::span<const float> audio);

  /// Makes the next block: audio [channels, block_samples].
  /// Throws Error(session): no prompt has been set; Error(runtime): a graph failed, or the block is not finite; Error(cancelled).
  /// A block that was not made is begun again by the next call; after a cancel it is the same block to the bit.
  void next_block(std::span<float> audio);
  /// Makes the next clean block [C, o] without decoding it.
  void next_latents(std::span<float> latents);

  /// Number of the block that comes next.
  [[nodiscard]] std::uint64_t block_index() const noexcept;
  /// The last clean block [C, o]; empty before the first.
  [[nodiscard]] std::span<const float> latent_block() const noexcept;
  /// What the newest block followed of a control group, [channels, o]; empty before the first block. Valid until the next block or reset.
  /// Throws Error(session): unknown group.
  [[nodiscard]] std::span<const float> control(const std::string& group) const;
  [[nodiscard]] const Timings& timings() const noexcept;
  /// What was not read of the newest prompt that was too long, as a sentence; empty where all of it was read.
  [[nodiscard]] const std::string& notice() const noexcept;

  /// Ends the call that is under way, and every later one, with Error(cancelled), until `resume`. From any thread.
  void cancel() noexcept;
  void resume() noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lmdm
