#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "live/input_feed.h"
#include "live/link.h"
#include "live/output_feed.h"
#include "live/pace.h"
#include "live/reports.h"
#include "live/requests.h"
#include "live/source.h"

namespace lmdm::live {

struct WorkerOptions {
  const std::atomic<bool>& frozen;
  Reports* reports = nullptr;  ///< where blocks are reported, if at all
  bool offline = false;
  int realtime_priority = 0;
  std::int64_t largest_call = 8192;
};

/// The inference thread: waits for a block's input, makes the block, and hands it on in time, or drops it where that is too late.
///
/// In real time the audio thread never wakes it, since that is a system call: it sleeps until the block's input should be complete, and
/// then looks. Offline it makes a block when its audio is asked for, so that a request takes effect at the same place in every run.
class Worker {
 public:
  /// Starts it. `source`, `requests` and `link` must outlive it.
  Worker(Source& source, Requests& requests, Link& link, const WorkerOptions& options);
  /// Cancels the block that is being made, and joins.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// [control] There is a request.
  void wake();
  /// Offline: waits until output before `position` is decided, or the music has stopped.
  void wait_for(std::int64_t position);

 private:
  void run();
  void step();
  void serve_requests();
  /// Whether the block can be made now; skips those that come too late.
  [[nodiscard]] bool find_block();
  /// Offline: output is asked for that is not made yet.
  [[nodiscard]] bool demanded();
  [[nodiscard]] bool too_late(std::int64_t block) const noexcept;
  void make_block();
  /// The input of the block that is made now.
  void listen();
  void report_block();
  void skip_to(std::int64_t block);
  void fail(const std::string& sentence);
  void sleep();
  /// Whether there is music to make at all.
  [[nodiscard]] bool able() const noexcept;

  Source& source_;
  Requests& requests_;
  Link& link_;
  const WorkerOptions options_;
  InputFeed input_;
  OutputFeed output_;
  Pace pace_;
  std::vector<float> heard_, audio_;
  std::int64_t block_;          ///< that comes next
  bool continues_ = false;      ///< the block before it was made
  bool listened_ = false;       ///< there is input to hear again
  std::optional<bool> frozen_;  ///< what the source was told last
  double last_seconds_ = 0;     ///< that a block took

  std::mutex mutex_;
  std::condition_variable waking_, decided_;
  bool stopping_ = false, requested_ = false;  ///< under the mutex
  std::int64_t demand_ = INT64_MIN;            ///< offline: output before it is asked for; under the mutex
  std::thread thread_;
};

}  // namespace lmdm::live
