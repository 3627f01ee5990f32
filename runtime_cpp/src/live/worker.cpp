#include "live/worker.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

#include "backends/denormals.h"
#include "live/thread_setup.h"
#include "lmdm/error.h"

namespace lmdm::live {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void publish(const Timings& timings, Counters& counters) noexcept {
  counters.controls_ms.store(timings.controls, std::memory_order_relaxed);
  counters.prompt_ms.store(timings.prompt, std::memory_order_relaxed);
  counters.context_ms.store(timings.context, std::memory_order_relaxed);
  counters.steps_ms.store(timings.steps, std::memory_order_relaxed);
  counters.decode_ms.store(timings.decode, std::memory_order_relaxed);
}

}  // namespace

Worker::Worker(Source& source, Requests& requests, Link& link, const WorkerOptions& options)
    : source_(source),
      requests_(requests),
      link_(link),
      options_(options),
      input_(link.timeline),
      output_(link),
      pace_(link.timeline.host_rate(), options.largest_call, link.timeline.block()),
      block_(link.timeline.block_from(link.timeline.start())) {
  const SourceFormat& format = link.timeline.format();
  const auto channels = static_cast<std::size_t>(format.channels);
  heard_.resize(format.input_values());
  audio_.resize(channels * format.block);
  thread_ = std::thread([this] { run(); });
}

Worker::~Worker() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  source_.cancel();
  waking_.notify_one();
  thread_.join();
  source_.resume();
}

void Worker::wake() {
  {
    const std::scoped_lock lock(mutex_);
    requested_ = true;
  }
  waking_.notify_one();
}

void Worker::wait_for(std::int64_t position) {
  if (link_.decided.load(std::memory_order_acquire) >= position) return;
  std::unique_lock lock(mutex_);
  demand_ = position;
  waking_.notify_one();
  decided_.wait(lock,
                [&] { return link_.decided.load(std::memory_order_acquire) >= position || link_.failed.load(std::memory_order_acquire); });
}

void Worker::run() {
  name_thread("lmdm-inference");
  link_.counters.priority.store(ask_priority(options_.realtime_priority), std::memory_order_relaxed);
  const DenormalsAreZero denormals;
  for (;;) {
    {
      const std::scoped_lock lock(mutex_);
      if (stopping_) return;
      requested_ = false;
    }
    try {
      step();
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::cancelled) fail(error.what());
    } catch (const std::exception& error) {
      fail(std::string("the inference thread failed: ") + error.what());
    } catch (...) {
      fail("the inference thread failed for an unknown reason");
    }
  }
}

void Worker::step() {
  // In this order: whoever resets after a failure posts the reset first.
  const bool was_able = able();
  serve_requests();
  if (was_able && find_block()) {
    make_block();
  } else {
    sleep();
  }
}

void Worker::serve_requests() {
  const Requests::Batch batch = requests_.take();
  for (const Request& request : batch.requests) {
    try {
      source_.apply(request);
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::cancelled) throw;
      requests_.report(error.what());
    }
  }
  if (!batch.reset) return;
  source_.reset();
  continues_ = false;
  link_.failed.store(false, std::memory_order_release);
}

bool Worker::find_block() {
  const Timeline& line = link_.timeline;
  const std::int64_t from = line.block_from(link_.played_from.load(std::memory_order_acquire));
  if (from > block_) skip_to(from);
  // Offline whoever asks has handed its input over before; so first the question, then the input.
  const bool asked = options_.offline && demanded();
  // In this order: what had been heard is in the ring, and what is not in it by now never came.
  const std::int64_t heard = link_.heard.load(std::memory_order_acquire);
  if (line.format().inputs > 0) input_.pull(link_.input);
  for (; too_late(block_); skip_to(block_ + 1)) add(link_.counters.dropped_blocks, std::uint64_t{1});
  if (!options_.offline) return heard >= line.input_end(block_);
  // The latency sees to it that the input is complete when music is asked for.
  return asked && demanded();
}

bool Worker::demanded() {
  const std::scoped_lock lock(mutex_);
  return demand_ > link_.decided.load(std::memory_order_relaxed);
}

bool Worker::too_late(std::int64_t block) const noexcept {
  const Timeline& line = link_.timeline;
  std::int64_t soonest = link_.playhead.load(std::memory_order_acquire);
  if (!options_.offline) {
    // One block that took very long says nothing of the next.
    soonest += std::min(static_cast<std::int64_t>(last_seconds_ * line.host_rate()), line.block()) + 2 * line.fade();
  }
  return line.output_end(block) <= soonest;
}

void Worker::skip_to(std::int64_t block) {
  block_ = block;
  continues_ = false;
  input_.forget(link_.timeline.model_begin(block));
  const std::int64_t begin = link_.timeline.output_begin(block);
  {
    const std::scoped_lock lock(mutex_);
    if (begin > link_.decided.load(std::memory_order_relaxed)) link_.decided.store(begin, std::memory_order_release);
  }
  decided_.notify_one();
}

void Worker::make_block() {
  const Timeline& line = link_.timeline;
  listen();
  const Clock::time_point start = Clock::now();
  source_.next(heard_, audio_);
  last_seconds_ = seconds_since(start);
  requests_.note(source_.notice());
  if (!std::exchange(continues_, true)) output_.begin(line.audio_begin(block_));
  output_.push(audio_);
  report_block();
  input_.forget(line.model_begin(++block_));

  Counters& counters = link_.counters;
  publish(source_.timings(), counters);
  counters.block_ms.store(1000 * last_seconds_, std::memory_order_relaxed);
  counters.worst_block_ms.store(std::max(counters.worst_block_ms.load(std::memory_order_relaxed), 1000 * last_seconds_),
                                std::memory_order_relaxed);
  counters.blocks.store(counters.blocks.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  // With the mutex held once, `wait_for` cannot miss it between its look and its sleep.
  {
    const std::scoped_lock lock(mutex_);
  }
  decided_.notify_one();
}

void Worker::listen() {
  const bool frozen = options_.frozen.load(std::memory_order_acquire);
  if (frozen != frozen_) source_.freeze(frozen);
  frozen_ = frozen;
  if (std::exchange(listened_, true) && frozen) return;
  if (link_.timeline.format().inputs > 0) input_.copy(link_.timeline.model_begin(block_), heard_);
}

void Worker::report_block() {
  if (options_.reports == nullptr) return;
  const Timeline& line = link_.timeline;
  Followed followed = source_.followed();
  options_.reports->add({line.answer_begin(block_) - line.start(), line.answer_begin(block_ + 1) - line.start(), followed.frames,
                         std::move(followed.controls), source_.timings()});
}

void Worker::fail(const std::string& sentence) {
  requests_.report(sentence);
  {
    const std::scoped_lock lock(mutex_);
    link_.failed.store(true, std::memory_order_release);
  }
  continues_ = false;
  decided_.notify_one();
}

void Worker::sleep() {
  const std::int64_t heard = link_.heard.load(std::memory_order_acquire);
  const bool resting = options_.offline || !able();
  const Pace::Seconds wait = resting ? pace_.idle() : pace_.next(heard, link_.timeline.input_end(block_) - heard);
  std::unique_lock lock(mutex_);
  waking_.wait_for(lock, wait, [&] {
    const bool asked = options_.offline && able() && demand_ > link_.decided.load(std::memory_order_relaxed);
    return stopping_ || requested_ || asked;
  });
}

bool Worker::able() const noexcept {
  return link_.running.load(std::memory_order_acquire) && !link_.failed.load(std::memory_order_acquire);
}

}  // namespace lmdm::live
