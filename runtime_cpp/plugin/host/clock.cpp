#include "clock.h"

#include <pthread.h>
#include <sched.h>

#include <chrono>
#include <utility>

namespace lmdm::host {
namespace {

using Time = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

}  // namespace

Clock::Clock(double rate, int frames, std::int64_t calls, int priority, std::function<void(std::int64_t)> call)
    : rate_(rate), frames_(frames), calls_(calls), call_(std::move(call)) {
  // All of it touched, so that it is no growth later on.
  times_.spent.assign(static_cast<std::size_t>(calls), 0);
  times_.woken_late.assign(static_cast<std::size_t>(calls), 0);
  thread_ = std::thread([this, priority] { run(priority); });
}

Clock::~Clock() {
  stopping_ = true;
  thread_.join();
}

void Clock::pause() {
  pausing_ = true;
  while (!paused_ && !done_) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

void Clock::resume() {
  pausing_ = false;
}

void Clock::run(int priority) {
  sched_param wanted{};
  wanted.sched_priority = priority;
  if (priority > 0 && pthread_setschedparam(pthread_self(), SCHED_FIFO, &wanted) == 0) priority_ = priority;
  const Time::time_point start = Time::now();
  std::size_t made = 0;
  for (std::int64_t call = 0; call < calls_ && !stopping_; ++call) {
    const std::chrono::duration<double> at(static_cast<double>(call) * frames_ / rate_);
    const Time::time_point due = start + std::chrono::duration_cast<Time::duration>(at);
    std::this_thread::sleep_until(due);
    paused_ = pausing_.load();
    if (paused_) continue;
    const Time::time_point begin = Time::now();
    call_(call * frames_);
    times_.woken_late[made] = Milliseconds(begin - due).count();
    times_.spent[made++] = Milliseconds(Time::now() - begin).count();
  }
  times_.woken_late.resize(made);
  times_.spent.resize(made);
  done_ = true;
}

}  // namespace lmdm::host
