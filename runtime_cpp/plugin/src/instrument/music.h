#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "instrument/wishes.h"
#include "lmdm/live_processor.h"

namespace lmdm::plugin {

/// What an engine plays. [audio] and [control] are the threads of LiveProcessor.
class Music {
 public:
  Music() = default;
  virtual ~Music() = default;
  Music(const Music&) = delete;
  Music& operator=(const Music&) = delete;

  /// [audio] Planes of `channels` channels; `output` is none of the inputs.
  virtual void process(const float* const* input, const float* const* side, float* const* output, int channels,
                       int frames) noexcept LMDM_NONBLOCKING = 0;
  /// [audio]
  virtual void set_frozen(bool frozen) noexcept LMDM_NONBLOCKING = 0;
  /// Any thread: host samples between input and the music that answers it.
  [[nodiscard]] virtual std::int64_t latency() const noexcept LMDM_NONBLOCKING = 0;
  /// Any thread.
  [[nodiscard]] virtual LiveMetrics metrics() const noexcept LMDM_NONBLOCKING = 0;

  /// [control] From the next block on; what has not changed is not handed over again.
  virtual void follow(const Wishes& wishes) = 0;
  /// [control] The piece begins again with the next block.
  virtual void begin_again() = 0;
  /// [control] Time begins again; `process` must not run meanwhile.
  virtual void restart() = 0;
  /// [control] What was refused or failed, or empty.
  [[nodiscard]] virtual std::string failure() const = 0;
  /// [control] What was not read of the newest prompt, or empty.
  [[nodiscard]] virtual std::string notice() const = 0;
  /// [control] Blocks that were made since the last call.
  [[nodiscard]] virtual std::vector<BlockReport> take_reports() = 0;
};

}  // namespace lmdm::plugin
