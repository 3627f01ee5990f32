#include "live/processor.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "live/margin.h"
#include "lmdm/error.h"

namespace lmdm::live {
namespace {

constexpr double lowest_rate = 8000, highest_rate = 768000;

void require_host(double rate, int channels) {
  if (!(rate >= lowest_rate && rate <= highest_rate)) {
    throw Error(ErrorKind::session, "the host's sample rate is " + std::to_string(rate) + " Hz, expected 8000 to 768000; choose another");
  }
  if (channels < 1) throw Error(ErrorKind::session, "the host has " + std::to_string(channels) + " channels, expected at least 1");
}

}  // namespace

Processor::Run::Run(Processor& owner, const Timeline& timeline, int host_channels, std::int64_t largest_call)
    : link(timeline),
      worker(*owner.source_, owner.requests_, link,
             {owner.frozen_, owner.options_.reports ? &owner.reports_ : nullptr, owner.options_.offline, owner.options_.realtime_priority,
              largest_call}),
      player(link, owner.playing_, owner.options_.offline ? &worker : nullptr, owner.options_.underrun == Underrun::dry, host_channels) {}

Processor::Processor(std::unique_ptr<Source> source, const LiveOptions& options) : options_(options), source_(std::move(source)) {}

void Processor::prepare(double host_rate, int host_channels, int largest_block, std::int64_t start) {
  require_host(host_rate, host_channels);
  run_.reset();
  Requests::Batch waiting = requests_.take();
  for (const Request& waiting_request : waiting.requests) source_->apply(waiting_request);
  requests_.report({});
  source_->require_ready();
  TimelineOptions times{host_rate, options_.margin_seconds, 0, start};
  // Offline nothing is ever late, and the latency is the same on every machine.
  if (!options_.offline) times.largest_call = std::max(largest_block, 1);
  if (!options_.offline && options_.margin_seconds <= 0) times.margin_seconds = measured_margin(*source_);
  source_->reset();
  for (auto* counter : {&baseline_.blocks, &baseline_.underruns, &baseline_.underrun_samples, &baseline_.dropped_blocks}) counter->store(0);
  (void)reports_.take();
  run_ = std::make_unique<Run>(*this, Timeline(source_->format(), times), host_channels, std::max(largest_block, 1));
}

void Processor::process(const float* const* input, const float* const* side, float* const* output, int channels, int frames) noexcept {
  if (run_ != nullptr) return run_->player.process(input, side, output, channels, frames);
  for (int channel = 0; channel < channels; ++channel) std::fill_n(output[channel], std::max(frames, 0), 0.0F);
}

std::int64_t Processor::latency_samples() const noexcept {
  return run_ == nullptr ? 0 : run_->link.timeline.latency();
}

void Processor::request(Request request) {
  if (run_ == nullptr) return source_->apply(request);
  requests_.post(std::move(request));
  run_->worker.wake();
}

void Processor::set_playing(bool playing) noexcept {
  playing_.store(playing, std::memory_order_relaxed);
}

void Processor::set_frozen(bool frozen) noexcept {
  frozen_.store(frozen, std::memory_order_release);
}

void Processor::reset() {
  if (run_ == nullptr) return source_->reset();
  Counters& now = run_->link.counters;
  now.worst_block_ms.store(0);
  baseline_.blocks.store(now.blocks.load());
  baseline_.underruns.store(now.underruns.load());
  baseline_.underrun_samples.store(now.underrun_samples.load());
  baseline_.dropped_blocks.store(now.dropped_blocks.load());
  requests_.post_reset();
  requests_.report({});
  run_->link.failed.store(false, std::memory_order_release);
  run_->worker.wake();
}

LiveMetrics Processor::metrics() const noexcept {
  LiveMetrics metrics;
  if (run_ == nullptr) return metrics;
  const Counters& now = run_->link.counters;
  const Timeline& line = run_->link.timeline;
  // First: whoever sees a new block sees its figures.
  metrics.blocks = now.blocks.load(std::memory_order_acquire) - baseline_.blocks.load(std::memory_order_relaxed);
  metrics.underruns = now.underruns.load(std::memory_order_relaxed) - baseline_.underruns.load(std::memory_order_relaxed);
  metrics.underrun_samples =
      now.underrun_samples.load(std::memory_order_relaxed) - baseline_.underrun_samples.load(std::memory_order_relaxed);
  metrics.dropped_blocks = now.dropped_blocks.load(std::memory_order_relaxed) - baseline_.dropped_blocks.load(std::memory_order_relaxed);
  metrics.block_ms = now.block_ms.load(std::memory_order_relaxed);
  metrics.worst_block_ms = now.worst_block_ms.load(std::memory_order_relaxed);
  metrics.stages = {now.controls_ms.load(std::memory_order_relaxed), now.prompt_ms.load(std::memory_order_relaxed),
                    now.context_ms.load(std::memory_order_relaxed), now.steps_ms.load(std::memory_order_relaxed),
                    now.decode_ms.load(std::memory_order_relaxed)};
  metrics.block_seconds = static_cast<double>(line.format().block) / line.format().sample_rate;
  const std::int64_t ahead = run_->link.decided.load(std::memory_order_relaxed) - run_->link.playhead.load(std::memory_order_relaxed);
  metrics.buffered_seconds = metrics.blocks == 0 ? 0 : static_cast<double>(std::max<std::int64_t>(ahead, 0)) / line.host_rate();
  metrics.priority = now.priority.load(std::memory_order_relaxed);
  metrics.failed = run_->link.failed.load(std::memory_order_acquire);
  return metrics;
}

std::string Processor::failure() const {
  return requests_.reported();
}

std::string Processor::notice() const {
  return requests_.noted();
}

std::vector<BlockReport> Processor::take_reports() {
  return reports_.take();
}

}  // namespace lmdm::live
