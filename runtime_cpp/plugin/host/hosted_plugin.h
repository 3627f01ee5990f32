#pragma once

#include <juce_audio_processors/juce_audio_processors.h>

#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

namespace lmdm::host {

/// One instance of a VST3 that is played in real time. Message thread, but for `play`.
class HostedPlugin {
 public:
  /// Throws Error(environment): the file is no VST3 that can be hosted.
  HostedPlugin(const std::filesystem::path& file, double rate, int largest_block, int channels);

  /// Throws Error(session): the plugin has no parameter of that name.
  [[nodiscard]] juce::AudioProcessorParameter& parameter(const std::string& name) const;
  [[nodiscard]] int latency_samples() const { return instance_->getLatencySamples(); }
  /// Name, version, format, and every parameter with its value and text.
  [[nodiscard]] nlohmann::ordered_json description() const;
  /// State as a file. Throws Error(session).
  void save(const std::filesystem::path& file) const;
  void load(const std::filesystem::path& file);
  /// Recalls the present state with other attributes. Throws Error(session).
  void edit_state(const std::map<std::string, std::string>& attributes);
  /// Released and prepared again; `play` must not run meanwhile.
  void restart();

  /// [audio] In place; further channels that the plugin wants are silent.
  void play(juce::AudioBuffer<float>& main, juce::MidiBuffer& midi);

 private:
  void restore(const juce::MemoryBlock& state);
  [[nodiscard]] juce::MemoryBlock state() const;

  double rate_;
  int largest_block_;
  std::unique_ptr<juce::AudioPluginInstance> instance_;
  juce::AudioBuffer<float> wide_;  ///< as many channels as the plugin's widest side
};

}  // namespace lmdm::host
