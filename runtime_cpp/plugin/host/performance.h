#pragma once

#include <juce_events/juce_events.h>

#include <atomic>
#include <exception>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "clock.h"
#include "hosted_plugin.h"
#include "input.h"
#include "recorder.h"
#include "report.h"
#include "score.h"

namespace lmdm::host {

struct Request {
  std::filesystem::path plugin, state, script, input, recording, save;
  double seconds = 10, rate = 48000;
  double wait_seconds = 30;  ///< for the plugin to tell a latency, before the first call
  int block = 128, channels = 2, instances = 1, priority = 0;
};

/// Instances of one plugin that a clock plays. Message thread; a timer of it watches, and recalls states.
class Performance : private juce::Timer {
 public:
  /// Opens the plugins and begins to wait for them. Throws Error.
  explicit Performance(const Request& request);
  ~Performance() override;

  /// What was seen; the message loop has been stopped by the end. Rethrows what an event threw.
  [[nodiscard]] nlohmann::ordered_json result();

 private:
  struct Change {
    std::int64_t frame;
    std::vector<juce::AudioProcessorParameter*> parameters;  ///< of every instance
    float value;
    juce::MidiMessage midi;
  };

  void timerCallback() override;
  void watch();
  void perform(const Event& event);
  void schedule(const std::vector<Event>& events);
  void play(std::int64_t frame);  ///< [audio]
  [[nodiscard]] double seconds() const;

  Request request_;
  Seen seen_;
  std::vector<std::unique_ptr<HostedPlugin>> plugins_;
  Input input_;
  std::unique_ptr<Recorder> recorder_;
  std::vector<Change> changes_;  ///< for the audio thread
  std::vector<Event> recalls_;   ///< for the message thread
  std::size_t change_ = 0, recall_ = 0;
  juce::AudioBuffer<float> input_block_, heard_;
  juce::MidiBuffer due_, midi_;
  std::atomic<std::int64_t> played_{0}, lost_{0};
  double opened_ms_ = 0;
  std::exception_ptr failure_;
  std::unique_ptr<Clock> clock_;  ///< last, as it plays all of the above
};

}  // namespace lmdm::host
