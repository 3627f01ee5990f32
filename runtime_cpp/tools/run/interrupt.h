#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <thread>

namespace lmdm::run {

/// While it lives, Ctrl-C and a request to end call `on_interrupt`, on a thread of its own. Make it before any other thread, which then
/// leaves these signals alone.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  /// Called at once where the signal has come already.
  void on_interrupt(std::function<void()> call);
  [[nodiscard]] bool interrupted() const noexcept { return interrupted_; }

 private:
  void wait();

  std::atomic<bool> interrupted_ = false, ended_ = false;
  std::mutex mutex_;
  std::function<void()> call_;
  std::thread thread_;
};

}  // namespace lmdm::run
