#pragma once

#include <juce_audio_processors/juce_audio_processors.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "editor/editor_window.h"
#include "parameters/layout.h"
#include "view/view.h"

namespace lmdm::plugin::test {

/// A processor that is nothing but its parameters.
class FakeProcessor final : public juce::AudioProcessor {
 public:
  FakeProcessor() : parameters(*this, nullptr, "state", parameter_layout()) {}
  const juce::String getName() const override { return "fake"; }
  void prepareToPlay(double, int) override {}
  void releaseResources() override {}
  void processBlock(juce::AudioBuffer<float>&, juce::MidiBuffer&) override {}
  double getTailLengthSeconds() const override { return 0; }
  bool acceptsMidi() const override { return true; }
  bool producesMidi() const override { return false; }
  juce::AudioProcessorEditor* createEditor() override { return nullptr; }
  bool hasEditor() const override { return true; }
  int getNumPrograms() override { return 1; }
  int getCurrentProgram() override { return 0; }
  void setCurrentProgram(int) override {}
  const juce::String getProgramName(int) override { return {}; }
  void changeProgramName(int, const juce::String&) override {}
  void getStateInformation(juce::MemoryBlock&) override {}
  void setStateInformation(const void*, int) override {}

  juce::AudioProcessorValueTreeState parameters;
};

/// A view that shows what a test wants, and remembers what the editor asked for.
class FakeView final : public View {
 public:
  explicit FakeView(FakeProcessor& processor) : parameters_(processor.parameters) {}

  Status status() override { return shown; }
  double now() override { return heard; }
  void take(std::vector<SketchColumn>& taken_sketch, std::vector<SpectrumColumn>& taken_spectrum) override {
    taken_sketch = std::exchange(sketch, {});
    taken_spectrum = std::exchange(spectrum, {});
  }
  juce::AudioProcessorValueTreeState& parameters() override { return parameters_; }
  juce::String prompt(Slot slot) override { return prompts[slot == Slot::a ? 0 : 1]; }
  void set_prompt(Slot slot, const juce::String& prompt) override { prompts[slot == Slot::a ? 0 : 1] = prompt; }
  void choose_bundle(const juce::File& folder) override { chosen = folder; }
  void start_again() override { ++starts; }
  void watch(bool value) override { watched = value; }

  Status shown;
  double heard = 0;
  std::vector<SketchColumn> sketch;
  std::vector<SpectrumColumn> spectrum;
  juce::String prompts[2] = {"warm analog pad in A minor, slow", "distorted electric guitar, 140 bpm"};
  juce::File chosen;
  int starts = 0;
  bool watched = false;

 private:
  juce::AudioProcessorValueTreeState& parameters_;
};

/// The conditions that a person can meet, each as it would be told.
enum class Scene { no_bundle, loading, ready, frozen, overloaded, failed, rebuilding, poor };
inline constexpr Scene scenes[] = {Scene::no_bundle,  Scene::loading, Scene::ready,      Scene::frozen,
                                   Scene::overloaded, Scene::failed,  Scene::rebuilding, Scene::poor};
[[nodiscard]] std::string name_of(Scene scene);
[[nodiscard]] Status status_of(Scene scene);
/// Whether music sounds, so that there is a picture.
[[nodiscard]] bool plays(Scene scene);

/// Ten seconds of a plucked tune: what is heard of it, and the sketch, one second further. The same on every call.
[[nodiscard]] std::vector<SketchColumn> tune_sketch();
[[nodiscard]] std::vector<SpectrumColumn> tune_spectrum();
inline constexpr double tune_now = 12;

/// An editor of a scene at a size, and all that it needs.
class Stage {
 public:
  explicit Stage(Scene scene, int width = 960, int height = 640);

  void show(const Status& status);
  [[nodiscard]] juce::Image picture();

 private:
  /// Pictures need no display, and one that comes and goes would end the test.
  struct NoDisplay {
    NoDisplay();
  };
  NoDisplay no_display_;
  juce::ScopedJuceInitialiser_GUI gui_;

 public:
  FakeProcessor processor;
  FakeView view{processor};
  std::unique_ptr<EditorWindow> editor;
};

}  // namespace lmdm::plugin::test
