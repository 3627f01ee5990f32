#pragma once

#include <cstddef>
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
using Request = std::variant<PromptRequest, ControlRequest, SketchRequest>;

struct SourceFormat {
  int sample_rate = 44100;
  int channels = 2;
  std::size_t block = 0;      ///< samples of one channel that one block gives
  std::size_t delay = 0;      ///< by which its audio is behind the time that it answers
  std::size_t lookahead = 0;  ///< input behind the block's end that must be known before the block is made
  bool takes_input = false;
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
  /// Makes a block, planar [channels, block], from the planar input of the block's own time, [channels, block + lookahead], which is empty
  /// where it takes none.
  virtual void next(std::span<const float> input, std::span<float> audio) = 0;
  /// Stages of the last block.
  [[nodiscard]] virtual Timings timings() const noexcept = 0;
  /// As of Generator.
  virtual void cancel() noexcept = 0;
  virtual void resume() noexcept = 0;
};

}  // namespace lmdm::live
