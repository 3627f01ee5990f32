#include "performance.h"

#include <algorithm>
#include <cmath>
#include <ranges>

#include "bench/machine.h"
#include "lmdm/error.h"

namespace lmdm::host {
namespace {

constexpr int watch_ms = 20;
constexpr double memory_every = 1;
constexpr std::size_t midi_bytes = 4096;

Seen::Memory memory_at(double seconds) {
  const auto figures = bench::memory();
  const auto mib = [&](const char* name) { return figures[name].is_null() ? 0 : figures[name].get<double>(); };
  return {seconds, mib("private_mib"), mib("rss_mib")};
}

}  // namespace

Performance::Performance(const Request& request) : request_(request) {
  opened_ms_ = juce::Time::getMillisecondCounterHiRes();
  for (int i = 0; i < request.instances; ++i) {
    plugins_.push_back(std::make_unique<HostedPlugin>(request.plugin, request.rate, request.block, request.channels));
    if (i == 0) seen_.open_seconds = (juce::Time::getMillisecondCounterHiRes() - opened_ms_) / 1000;
  }
  if (!request.state.empty()) {
    for (auto& plugin : plugins_) plugin->load(request.state);
  }
  if (!request.input.empty()) input_ = Input(request.input, request.rate);
  if (!request.recording.empty()) recorder_ = std::make_unique<Recorder>(request.recording, request.rate, request.channels);
  if (!request.script.empty()) schedule(read_score(request.script));
  input_block_.setSize(request.channels, request.block);
  heard_.setSize(request.channels, request.block);
  due_.ensureSize(midi_bytes);
  midi_.ensureSize(midi_bytes);
  startTimer(watch_ms);
}

Performance::~Performance() {
  stopTimer();
}

void Performance::schedule(const std::vector<Event>& events) {
  for (const Event& event : events) {
    if (!event.state.empty() || event.restart) {
      recalls_.push_back(event);
      continue;
    }
    Change change{static_cast<std::int64_t>(std::llround(event.seconds * request_.rate)), {}, event.value, {}};
    if (event.midi.empty()) {
      for (auto& plugin : plugins_) change.parameters.push_back(&plugin->parameter(event.parameter));
    } else {
      change.midi = juce::MidiMessage(event.midi.data(), static_cast<int>(event.midi.size()));
    }
    changes_.push_back(std::move(change));
  }
}

double Performance::seconds() const {
  return static_cast<double>(played_.load()) / request_.rate;
}

void Performance::timerCallback() {
  try {
    watch();
  } catch (...) {
    failure_ = std::current_exception();
    stopTimer();
    juce::MessageManager::getInstance()->stopDispatchLoop();
  }
}

void Performance::watch() {
  const bool ready = std::ranges::all_of(plugins_, [](const auto& plugin) { return plugin->latency_samples() > 0; });
  const double waited = (juce::Time::getMillisecondCounterHiRes() - opened_ms_) / 1000;
  if (clock_ == nullptr) {
    if (!ready && waited < request_.wait_seconds) return;
    seen_.ready_seconds = waited;
    const auto calls = static_cast<std::int64_t>(request_.seconds * request_.rate / request_.block);
    clock_ = std::make_unique<Clock>(request_.rate, request_.block, calls, request_.priority, [this](std::int64_t frame) { play(frame); });
  }
  const int latency = plugins_.front()->latency_samples();
  if (seen_.latencies.empty() || seen_.latencies.back().samples != latency) seen_.latencies.push_back({seconds(), latency});
  if (seen_.memory.empty() || seconds() >= seen_.memory.back().seconds + memory_every) seen_.memory.push_back(memory_at(seconds()));
  while (recall_ < recalls_.size() && recalls_[recall_].seconds <= seconds()) perform(recalls_[recall_++]);
  if (clock_->done()) {
    stopTimer();
    juce::MessageManager::getInstance()->stopDispatchLoop();
  }
}

void Performance::perform(const Event& event) {
  if (event.restart) clock_->pause();
  for (auto& plugin : plugins_) event.restart ? plugin->restart() : plugin->edit_state(event.state);
  if (event.restart) clock_->resume();
}

void Performance::play(std::int64_t frame) {
  due_.clear();
  for (; change_ < changes_.size() && changes_[change_].frame < frame + request_.block; ++change_) {
    const Change& change = changes_[change_];
    for (auto* parameter : change.parameters) parameter->setValue(change.value);
    if (change.parameters.empty()) due_.addEvent(change.midi, static_cast<int>(std::max<std::int64_t>(0, change.frame - frame)));
  }
  input_.play(input_block_.getArrayOfWritePointers(), request_.channels, request_.block);
  for (const auto& plugin : plugins_ | std::views::reverse) {
    midi_.clear();
    midi_.addEvents(due_, 0, request_.block, 0);
    for (int channel = 0; channel < request_.channels; ++channel) heard_.copyFrom(channel, 0, input_block_, channel, 0, request_.block);
    plugin->play(heard_, midi_);
  }
  if (recorder_ != nullptr && !recorder_->write(heard_.getArrayOfReadPointers(), request_.block)) lost_ += request_.block;
  played_ = frame + request_.block;
}

nlohmann::ordered_json Performance::result() {
  if (failure_) std::rethrow_exception(failure_);
  seen_.lost_frames = lost_;
  auto found = report(seen_, clock_->times(), 1000 * request_.block / request_.rate);
  found["priority"] = clock_->priority();
  found["seconds"] = seconds();
  found["plugin"] = plugins_.front()->description();
  clock_.reset();
  recorder_.reset();
  if (!request_.save.empty()) plugins_.front()->save(request_.save);
  return found;
}

}  // namespace lmdm::host
