#pragma once

#include <juce_audio_processors/juce_audio_processors.h>

#include <atomic>
#include <limits>
#include <memory>

#include "instrument/builder.h"
#include "processor/conductor.h"
#include "processor/knobs.h"
#include "processor/meters.h"
#include "processor/mixer.h"
#include "processor/pedal.h"
#include "processor/processor_view.h"
#include "processor/rack.h"
#include "processor/session.h"

namespace lmdm::plugin {

/// The generative delay in a host. A new one has read no file, opened no library and started no thread.
class PluginProcessor final : public juce::AudioProcessor, private juce::AsyncUpdater {
 public:
  /// `builder` makes its engines.
  explicit PluginProcessor(std::unique_ptr<Builder> builder = std::make_unique<BundleBuilder>());
  ~PluginProcessor() override;

  const juce::String getName() const override { return "Generative Delay"; }
  bool acceptsMidi() const override { return true; }
  bool producesMidi() const override { return false; }
  /// The music needs no input to go on.
  double getTailLengthSeconds() const override { return std::numeric_limits<double>::infinity(); }
  int getNumPrograms() override { return 1; }
  int getCurrentProgram() override { return 0; }
  void setCurrentProgram(int) override {}
  const juce::String getProgramName(int) override { return {}; }
  void changeProgramName(int, const juce::String&) override {}

  bool isBusesLayoutSupported(const BusesLayout& layouts) const override;
  void prepareToPlay(double rate, int largest_block) override;
  void releaseResources() override {}
  void reset() override;
  using AudioProcessor::processBlock;
  void processBlock(juce::AudioBuffer<float>& audio, juce::MidiBuffer& midi) override;
  using AudioProcessor::processBlockBypassed;
  void processBlockBypassed(juce::AudioBuffer<float>& audio, juce::MidiBuffer& midi) override;

  juce::AudioProcessorEditor* createEditor() override;
  bool hasEditor() const override { return true; }
  void getStateInformation(juce::MemoryBlock& state) override;
  void setStateInformation(const void* data, int size) override;
  juce::AudioProcessorParameter* getBypassParameter() const override;

  [[nodiscard]] View& view() noexcept { return view_; }

 private:
  [[nodiscard]] static BusesProperties buses();

  void play(juce::AudioBuffer<float>& audio, const juce::MidiBuffer& midi, bool bypassed) noexcept;
  /// The side-chain of a piece in as many channels as the main bus has; null where there is none.
  [[nodiscard]] const float* const* side_of(const juce::AudioBuffer<float>& audio, int begin, int frames) noexcept LMDM_NONBLOCKING;
  void play_piece(float* const* audio, const float* const* side, int frames, bool frozen) noexcept LMDM_NONBLOCKING;
  /// What the host is told later, on the message thread.
  void handleAsyncUpdate() override;

  juce::AudioProcessorValueTreeState parameters_;
  Knobs knobs_;
  Session session_;
  Meters meters_;
  Conductor conductor_;
  ProcessorView view_;

  std::atomic<bool> restart_{false};
  int channels_ = 0, side_channels_ = 0;
  Rack rack_;
  Mixer mixer_;
  Pedal pedal_;
  Piece heard_, side_;
};

}  // namespace lmdm::plugin
