#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lmdm/export.h"
#include "lmdm/generator.h"
#include "lmdm/nonblocking.h"

namespace lmdm {

/// What is heard while a block is late.
enum class Underrun { silence, dry };

/// What the host's input is to the music. `both`: the input is the sketch's, and the side input is the accompaniment.
enum class InputRole { none, sketch, accompaniment, both };

struct LiveOptions {
  InputRole input = InputRole::none;
  Underrun underrun = Underrun::silence;
  double margin_seconds = 0;  ///< time to make a block in; 0: measured by `prepare`
  bool offline = false;       ///< `process` waits for the music instead of underrunning: for hosts that render faster than real time
  int realtime_priority = 0;  ///< asked for on the inference thread, 0: none; see `LiveMetrics::priority`
  bool reports = false;       ///< blocks are reported; see `LiveProcessor::take_reports`
};

/// What a block followed, and when its latent frames sound: they share the time from `begin` to before `end` evenly.
struct BlockReport {
  std::int64_t begin = 0, end = 0;                     ///< host samples of output since `prepare`
  std::size_t frames = 0;                              ///< latent frames
  std::map<std::string, std::vector<float>> controls;  ///< by group, [channels, frames]
  Timings timings;
};

/// Counters since `prepare` or `reset`, and the newest figures.
struct LiveMetrics {
  std::uint64_t blocks = 0;            ///< made
  std::uint64_t underruns = 0;         ///< times that the music stopped because a block was late
  std::uint64_t underrun_samples = 0;  ///< host samples without music
  std::uint64_t dropped_blocks = 0;    ///< not made because their time had passed
  double block_ms = 0, worst_block_ms = 0;
  Timings stages;               ///< of the newest block
  double block_seconds = 0;     ///< what one block lasts
  double buffered_seconds = 0;  ///< music that is ready to be heard
  int priority = 0;             ///< that the inference thread got; 0: none
  bool failed = false;          ///< no more music is made until `reset` or `prepare`; `LiveProcessor::failure` says why
};

/// Plays a Generator inside an audio host, with an inference thread of its own.
///
/// Threads: `process` and the functions marked [audio] belong to the audio thread and never allocate, lock, log, wait or enter the
/// kernel. Functions marked [control] belong to any one other thread at a time; they may allocate and lock, but never wait for a block,
/// except `prepare` and the destructor, which end the inference thread and start it again.
///
/// Time: output sample n answers input sample n - latency_samples(), always: late music is left out, never shifted. The latency is that of
/// one block, of the margin in which the next one is made, of the host's largest call, of the codec and of the resamplers, and 5 ms in
/// which music can still fade where the next block is late; it changes in `prepare` only. A margin that is measured is rounded up to a
/// multiple of 20 ms, so that the latency is as a rule the same in every run. Offline the latency has neither margin nor call, unless the
/// margin is given.
class LMDM_EXPORT LiveProcessor {
 public:
  /// [control] Takes the generator over. Throws Error(session): the bundle has no control for `options.input`.
  LiveProcessor(Generator generator, const LiveOptions& options = {});
  /// [control] Cancels the block that is being made.
  ~LiveProcessor();
  LiveProcessor(const LiveProcessor&) = delete;
  LiveProcessor& operator=(const LiveProcessor&) = delete;

  /// [control] Before the first `process`, and whenever rate or largest block change; `process` must not run meanwhile.
  /// Measures the margin if none was given. Throws Error(session): a rate outside 8-768 kHz, or no prompt.
  void prepare(double host_rate, int host_channels, int largest_block = 8192);
  /// [audio] Any number of frames from 1 on. `input` may be null, and input and output may be the same memory. NaN and infinite input
  /// counts as silence, and the output is always finite.
  void process(const float* const* input, float* const* output, int channels, int frames) noexcept LMDM_NONBLOCKING;
  /// [audio] With a side input of as many channels, which only `InputRole::both` hears; null is silence.
  void process(const float* const* input, const float* const* side, float* const* output, int channels,
               int frames) noexcept LMDM_NONBLOCKING;
  /// [audio] or [control], after `prepare`.
  [[nodiscard]] std::int64_t latency_samples() const noexcept LMDM_NONBLOCKING;

  /// [control] From the next block on.
  void set_prompt(const std::string& prompt);
  void set_prompts(std::vector<WeightedPrompt> mix);
  void set_control(const std::string& group, std::vector<float> values, std::size_t frames = 1);
  void choose_sketch(std::vector<std::string> kinds, std::optional<int> smoothing = std::nullopt);
  /// Tunings that wait for the same block are one, in which the newer value counts.
  void tune(const Tuning& tuning);
  void set_strength(const std::string& kind, double strength);
  /// [audio] or [control] Frozen, the model hears the input of the newest block again and again from the next block on, with the same
  /// noise; otherwise it listens, in step with the host. The first block always listens.
  void set_frozen(bool frozen) noexcept LMDM_NONBLOCKING;
  /// [audio] or [control] Whether music is made; off: dry or silence after a crossfade, and an idle inference thread.
  void set_playing(bool playing) noexcept LMDM_NONBLOCKING;
  /// [control] The piece begins again with the next block; counters go to 0.
  void reset();

  /// [audio] or [control]
  [[nodiscard]] LiveMetrics metrics() const noexcept LMDM_NONBLOCKING;
  /// [control] Why the inference thread stopped, or empty; also the refusal of a request that came too late to throw.
  [[nodiscard]] std::string failure() const;
  /// [control] As of Generator, once the prompt is heard.
  [[nodiscard]] std::string notice() const;
  /// [control] Of the blocks that were made since the last call, the newest 64 at most; of none unless `LiveOptions::reports`.
  [[nodiscard]] std::vector<BlockReport> take_reports();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lmdm
