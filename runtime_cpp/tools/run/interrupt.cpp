#include "run/interrupt.h"

#include <csignal>
#include <utility>

namespace lmdm::run {
namespace {

sigset_t endings() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGHUP);
  return set;
}

}  // namespace

Interrupt::Interrupt() {
  const sigset_t set = endings();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  thread_ = std::thread([this] { wait(); });
}

Interrupt::~Interrupt() {
  ended_ = true;
  pthread_kill(thread_.native_handle(), SIGTERM);
  thread_.join();
}

void Interrupt::on_interrupt(std::function<void()> call) {
  const std::lock_guard lock(mutex_);
  call_ = std::move(call);
  if (interrupted_ && call_) call_();
}

void Interrupt::wait() {
  const sigset_t set = endings();
  int signal = 0;
  while (sigwait(&set, &signal) == 0 && !ended_) {
    const std::lock_guard lock(mutex_);
    interrupted_ = true;
    if (call_) call_();
  }
}

}  // namespace lmdm::run
