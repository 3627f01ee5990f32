#pragma once

#include "processor/conductor.h"
#include "processor/meters.h"
#include "processor/session.h"
#include "view/view.h"

namespace lmdm::plugin {

/// What the editor sees of the processor.
class ProcessorView final : public View {
 public:
  ProcessorView(juce::AudioProcessor& processor, juce::AudioProcessorValueTreeState& parameters, Conductor& conductor, Session& session,
                Meters& meters);

  Status status() override;
  double now() override;
  void take(std::vector<SketchColumn>& sketch, std::vector<SpectrumColumn>& spectrum) override;
  juce::AudioProcessorValueTreeState& parameters() override { return parameters_; }
  juce::String prompt(Slot slot) override;
  void set_prompt(Slot slot, const juce::String& prompt) override;
  void choose_bundle(const juce::File& folder) override;
  void start_again() override;
  void watch(bool watched) override;

 private:
  void tell(Status& status, const Performance& performance) const;

  juce::AudioProcessor& processor_;
  juce::AudioProcessorValueTreeState& parameters_;
  Conductor& conductor_;
  Session& session_;
  Meters& meters_;
};

}  // namespace lmdm::plugin
