#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "lmdm/generator.h"

namespace lmdm::live {

struct PromptRequest {
  std::vector<WeightedPrompt> mix;
};
struct ControlRequest {
  std::string group;
  std::vector<float> values;
  std::size_t frames = 1;
};
struct SketchRequest {
  std::vector<std::string> kinds;
  std::optional<int> smoothing;
};
struct TuningRequest {
  Tuning tuning;
};
struct StrengthRequest {
  std::string kind;
  double strength = 1;
};
using Request = std::variant<PromptRequest, ControlRequest, SketchRequest, TuningRequest, StrengthRequest>;

/// What a block followed: by group, [channels, frames].
struct Followed {
  std::size_t frames = 0;
  std::map<std::string, std::vector<float>> controls;
};

struct SourceFormat {
  int sample_rate = 44100;
  int channels = 2;
  std::size_t block = 0;      ///< samples of one channel that one block gives
  std::size_t delay = 0;      ///< by which its audio is behind the time that it answers
  std::size_t lookahead = 0;  ///< input behind the block's end that must be known before the block is made
  int inputs = 0;             ///< of `channels` each: none, the host's, or the host's and its side input

  /// Channels of all inputs together.
  [[nodiscard]] int input_channels() const noexcept { return inputs * channels; }
  /// Values of the input that a block is made from.
  [[nodiscard]] std::size_t input_values() const noexcept { return static_cast<std::size_t>(input_channels()) * (block + lookahead); }
};

/// What a Processor plays: blocks of audio that answer blocks of input. One thread at a time, but for `cancel`.
class Source {
 public:
  Source() = default;
  virtual ~Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  [[nodiscard]] virtual SourceFormat format() const = 0;
  /// Throws Error(session) where no block can be made yet. May make one: `reset` must follow.
  virtual void require_ready() = 0;
  /// From the next block on. Throws Error(session): it cannot be served.
  virtual void apply(const Request& request) = 0;
  /// The piece begins again; what was requested stays.
  virtual void reset() = 0;
  /// Whether the next blocks have the noise of the newest one, whatever was requested.
  virtual void freeze(bool frozen) = 0;
  /// Makes a block, planar [channels, block], from the planar input of the block's own time, [inputs * channels, block + lookahead], which
  /// is empty where it takes none.
  virtual void next(std::span<const float> input, std::span<float> audio) = 0;
  /// What was not read of the newest prompt, as a sentence, or empty.
  [[nodiscard]] virtual std::string notice() const { return {}; }
  /// Stages of the last block.
  [[nodiscard]] virtual Timings timings() const noexcept = 0;
  [[nodiscard]] virtual Followed followed() const = 0;
  /// As of Generator.
  virtual void cancel() noexcept = 0;
  virtual void resume() noexcept = 0;
};

}  // namespace lmdm::live
