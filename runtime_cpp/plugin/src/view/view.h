#pragma once

#include <juce_audio_processors/juce_audio_processors.h>

#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "lmdm/live_processor.h"
#include "view/columns.h"

namespace lmdm::plugin {

enum class Condition { no_bundle, loading, ready, overloaded, failed };

enum class Slot { a, b };

/// What the editor shows besides parameters and pictures.
struct Status {
  Condition condition = Condition::no_bundle;
  std::string sentence;  ///< what is loading or wrong, and what to do; empty when ready
  double progress = 0;   ///< of loading, 0-1
  std::string instrument;
  std::filesystem::path bundle;
  std::vector<double> layouts;  ///< block lengths in seconds that are offered
  int layout = 0;
  bool has_pitch = false, has_loudness = false, has_accompaniment = false, has_guidance = false;
  double sample_rate = 0;      ///< Hz, of the host; 0 before `prepare`
  double latency_seconds = 0;  ///< as reported to the host
  LiveMetrics metrics;
  bool frozen = false, offline = false;
  std::array<float, 2> input_peak{}, output_peak{};             ///< linear, since the last call
  std::vector<double> pitch_hertz = {}, loudness_decibel = {};  ///< axes of the sketch, empty where unknown
};

/// What the processor shows to its editor. Every function: message thread, and none waits.
class View {
 public:
  virtual ~View() = default;
  virtual Status status() = 0;
  /// Seconds since `prepare` of what is heard.
  virtual double now() = 0;
  /// Gives the columns that are new since the last call.
  virtual void take(std::vector<SketchColumn>& sketch, std::vector<SpectrumColumn>& spectrum) = 0;
  virtual juce::AudioProcessorValueTreeState& parameters() = 0;
  virtual juce::String prompt(Slot slot) = 0;
  virtual void set_prompt(Slot slot, const juce::String& prompt) = 0;
  virtual void choose_bundle(const juce::File& folder) = 0;
  /// The piece begins again, from null context.
  virtual void start_again() = 0;
  /// Whether an editor is open: pictures are wanted.
  virtual void watch(bool watched) = 0;
};

}  // namespace lmdm::plugin
