// A plugin that plays a bundle to one prompt. What belongs to lmdm stands between the two lines; the rest is what every JUCE plugin has.
#include <juce_audio_processors/juce_audio_processors.h>
#include <lmdm/lmdm.h>

#include <cstdlib>
#include <optional>
#include <string>

class Embedded final : public juce::AudioProcessor {
 public:
  Embedded() : AudioProcessor(BusesProperties().withOutput("Music", juce::AudioChannelSet::stereo())) {}

  // --------------------------------------------------------------------------------------------------------------------------- lmdm
  // Not on the audio thread. It takes about a second, which a real plugin spends on a thread of its own.
  void prepareToPlay(double rate, int largest_block) override {
    live_.reset();
    try {
      const lmdm::Bundle bundle = lmdm::Bundle::load(path_of_bundle());
      lmdm::Generator generator(bundle, lmdm::make_onnxruntime_backend(bundle, {.threads = 1}));
      live_.emplace(std::move(generator), lmdm::LiveOptions{.offline = isNonRealtime()});
      live_->set_prompt("ambient in E major, 68 bpm, with bright pad and acoustic bass");
      live_->prepare(rate, getTotalNumOutputChannels(), largest_block);
      setLatencySamples(static_cast<int>(live_->latency_samples()));
    } catch (const lmdm::Error& error) {
      live_.reset();
      juce::Logger::writeToLog(error.what());  // one sentence: what, found, expected, and what to do
    }
  }
  void processBlock(juce::AudioBuffer<float>& audio, juce::MidiBuffer&) override {
    if (!live_) return audio.clear();
    live_->process(nullptr, audio.getArrayOfWritePointers(), audio.getNumChannels(), audio.getNumSamples());
  }
  void releaseResources() override { live_.reset(); }
  // --------------------------------------------------------------------------------------------------------------------------------

  const juce::String getName() const override { return "Embedded"; }
  juce::AudioProcessorEditor* createEditor() override { return nullptr; }
  bool hasEditor() const override { return false; }
  bool acceptsMidi() const override { return false; }
  bool producesMidi() const override { return false; }
  double getTailLengthSeconds() const override { return 0; }
  int getNumPrograms() override { return 1; }
  int getCurrentProgram() override { return 0; }
  void setCurrentProgram(int) override {}
  const juce::String getProgramName(int) override { return {}; }
  void changeProgramName(int, const juce::String&) override {}
  void getStateInformation(juce::MemoryBlock&) override {}
  void setStateInformation(const void*, int) override {}

 private:
  static std::string path_of_bundle() {
    const char* path = std::getenv("LMDM_BUNDLE");
    return path != nullptr ? path : "bundle";
  }

  std::optional<lmdm::LiveProcessor> live_;
};

juce::AudioProcessor* JUCE_CALLTYPE createPluginFilter() {
  return new Embedded;
}
