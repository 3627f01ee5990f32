#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "live/link.h"
#include "live/player.h"
#include "live/reports.h"
#include "live/requests.h"
#include "live/source.h"
#include "live/worker.h"
#include "lmdm/live_processor.h"

namespace lmdm::live {

/// What a LiveProcessor does, for any source; threads as there.
class Processor {
 public:
  Processor(std::unique_ptr<Source> source, const LiveOptions& options);

  /// `start`: host position at which the piece begins, for tests of long runs.
  void prepare(double host_rate, int host_channels, int largest_block, std::int64_t start = 0);
  void process(const float* const* input, const float* const* side, float* const* output, int channels,
               int frames) noexcept LMDM_NONBLOCKING;
  void process(const float* const* input, float* const* output, int channels, int frames) noexcept LMDM_NONBLOCKING {
    process(input, nullptr, output, channels, frames);
  }
  [[nodiscard]] std::int64_t latency_samples() const noexcept LMDM_NONBLOCKING;

  void request(Request request);
  void set_playing(bool playing) noexcept LMDM_NONBLOCKING;
  void set_frozen(bool frozen) noexcept LMDM_NONBLOCKING;
  void reset();

  [[nodiscard]] LiveMetrics metrics() const noexcept LMDM_NONBLOCKING;
  [[nodiscard]] std::string failure() const;
  [[nodiscard]] std::string notice() const;
  [[nodiscard]] std::vector<BlockReport> take_reports();

 private:
  /// Everything that depends on the host's rate. Members are destroyed from the last on: the thread before what it uses.
  struct Run {
    Run(Processor& owner, const Timeline& timeline, int host_channels, std::int64_t largest_call);

    Link link;
    Worker worker;
    Player player;
  };
  /// Counters at the last reset, which only the control thread writes.
  struct Baseline {
    std::atomic<std::uint64_t> blocks{0}, underruns{0}, underrun_samples{0}, dropped_blocks{0};
  };

  LiveOptions options_;
  std::unique_ptr<Source> source_;
  Requests requests_;
  Baseline baseline_;
  Reports reports_;
  std::atomic<bool> playing_{true}, frozen_{false};
  std::unique_ptr<Run> run_;
};

}  // namespace lmdm::live
