#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <thread>

#include "bench/play.h"
#include "bench/stages.h"
#include "lmdm/error.h"
#include "lmdm/live_processor.h"

namespace lmdm::bench {
namespace {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

/// The audio thread of a host without a device: it calls at the times at which a device would, and late only where the system wakes it
/// late.
class Host {
 public:
  Host(LiveProcessor& processor, const Request& request)
      : processor_(processor),
        rate_(request.rate),
        frames_(request.block_size),
        calls_(static_cast<std::size_t>(request.seconds * request.rate / request.block_size) + 1),
        left_(static_cast<std::size_t>(frames_)),
        right_(left_) {
    touch(spent_ms_, calls_);
    touch(late_ms_, calls_);
    thread_ = std::thread([this] { run(); });
  }
  ~Host() {
    stopping_ = true;
    thread_.join();
  }
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  [[nodiscard]] bool done() const noexcept { return done_; }
  /// After `done`.
  [[nodiscard]] const std::vector<double>& spent_ms() const noexcept { return spent_ms_; }
  [[nodiscard]] const std::vector<double>& late_ms() const noexcept { return late_ms_; }

 private:
  void run() {
    float* planes[] = {left_.data(), right_.data()};
    const Clock::time_point start = Clock::now();
    for (std::size_t call = 0; call < calls_ && !stopping_; ++call) {
      const std::chrono::duration<double> at(static_cast<double>(call) * frames_ / rate_);
      const Clock::time_point due = start + std::chrono::duration_cast<Clock::duration>(at);
      std::this_thread::sleep_until(due);
      const Clock::time_point begin = Clock::now();
      processor_.process(nullptr, planes, 2, frames_);
      const Clock::time_point end = Clock::now();
      late_ms_.push_back(Milliseconds(begin - due).count());
      spent_ms_.push_back(Milliseconds(end - begin).count());
    }
    done_ = true;
  }

  LiveProcessor& processor_;
  double rate_;
  int frames_;
  std::size_t calls_;
  std::vector<float> left_, right_;
  std::vector<double> spent_ms_, late_ms_;
  std::atomic<bool> stopping_{false}, done_{false};
  std::thread thread_;
};

}  // namespace

nlohmann::ordered_json play_paced(Generator generator, const Request& request) {
  LiveOptions options;
  options.realtime_priority = request.priority;
  LiveProcessor processor(std::move(generator), options);
  processor.prepare(request.rate, 2, request.block_size);
  Stages stages;
  std::uint64_t blocks = 0, unseen = 0;
  std::size_t changes = 0;
  std::vector<std::array<double, 2>> series;
  const auto expected = static_cast<std::size_t>(request.seconds / processor.metrics().block_seconds) + 64;
  stages.expect(expected);
  if (request.series) touch(series, expected);
  Host host(processor, request);
  const Clock::time_point start = Clock::now();
  while (!host.done()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    const LiveMetrics now = processor.metrics();
    if (now.failed) throw Error(ErrorKind::runtime, processor.failure());
    if (now.blocks != blocks) {
      stages.add(now.stages, now.block_ms);
      if (request.series) series.push_back({std::chrono::duration<double>(Clock::now() - start).count(), now.block_ms});
      unseen += now.blocks - blocks - 1;
      blocks = now.blocks;
    }
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    const auto change = static_cast<std::size_t>(seconds / request.change_seconds);
    if (change != changes) processor.set_prompt(request.prompts[(changes = change) % request.prompts.size()]);
  }
  const LiveMetrics last = processor.metrics();
  const std::vector<double>&spent = host.spent_ms(), &late = host.late_ms();
  const double period_ms = 1000 * request.block_size / request.rate;
  nlohmann::ordered_json report{
      {"mode", "paced"},
      {"host_rate", request.rate},
      {"host_block", request.block_size},
      {"block_seconds", last.block_seconds},
      {"latency_samples", processor.latency_samples()},
      {"latency_ms", 1000 * static_cast<double>(processor.latency_samples()) / request.rate},
      {"stages_ms", stages.figures()},
      {"blocks", last.blocks},
      {"blocks_unseen", unseen},
      {"underruns", last.underruns},
      {"underrun_samples", last.underrun_samples},
      {"dropped_blocks", last.dropped_blocks},
      {"prompt_changes", changes},
      {"process_ms", percentiles(spent)},
      {"process_over_period", std::ranges::count_if(spent, [&](double ms) { return ms > period_ms; })},
      {"host_woken_late_ms", percentiles(late)},
      {"host_woken_late_by_a_period", std::ranges::count_if(late, [&](double ms) { return ms > period_ms; })},
      {"priority", last.priority}};
  if (request.series) report["series"] = series;
  return report;
}

}  // namespace lmdm::bench
