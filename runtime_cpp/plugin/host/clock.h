#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

namespace lmdm::host {

/// What the calls of a paced thread took. Milliseconds.
struct CallTimes {
  std::vector<double> spent, woken_late;
};

/// The audio thread of a host without a device: it calls at the times at which a device would, and late only where the system wakes it
/// late.
class Clock {
 public:
  /// One call for each `frames` of `rate`, `calls` in all; `call` is given the number of its first frame and runs on the clock's thread.
  /// `priority` is asked for as a realtime one; 0: none.
  Clock(double rate, int frames, std::int64_t calls, int priority, std::function<void(std::int64_t)> call);
  ~Clock();
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;

  [[nodiscard]] bool done() const noexcept { return done_; }
  /// The realtime priority that was got; 0: none.
  [[nodiscard]] int priority() const noexcept { return priority_; }
  /// After `done`.
  [[nodiscard]] const CallTimes& times() const noexcept { return times_; }
  /// From any one thread: no call from when this returns until `resume`; what is due meanwhile is left out.
  void pause();
  void resume();

 private:
  void run(int priority);

  double rate_;
  int frames_;
  std::int64_t calls_;
  std::function<void(std::int64_t)> call_;
  CallTimes times_;
  std::atomic<bool> stopping_{false}, done_{false}, pausing_{false}, paused_{false};
  std::atomic<int> priority_{0};
  std::thread thread_;
};

}  // namespace lmdm::host
