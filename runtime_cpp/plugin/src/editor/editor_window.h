#pragma once

#include <juce_audio_processors/juce_audio_processors.h>

#include <memory>
#include <vector>

#include "editor/crossfader.h"
#include "editor/focus_ring.h"
#include "editor/header.h"
#include "editor/knob_row.h"
#include "editor/look.h"
#include "editor/meter.h"
#include "editor/performance_panel.h"
#include "editor/picture.h"
#include "editor/prompt_field.h"
#include "editor/state_card.h"
#include "editor/timing_bar.h"
#include "view/smooth_clock.h"
#include "view/view.h"

namespace lmdm::plugin {

/// All parts of the editor, and the timer that keeps them true.
class EditorWindow final : public juce::AudioProcessorEditor, public juce::FileDragAndDropTarget, private juce::Timer {
 public:
  EditorWindow(juce::AudioProcessor& owner, View& view);
  ~EditorWindow() override;

  /// Shows what is true at `wall` seconds of a steady clock; the timer does so 30 times a second.
  void refresh(double wall);
  [[nodiscard]] FocusRing& focus_ring() noexcept { return ring_; }

  void paint(juce::Graphics& g) override;
  void resized() override;
  bool isInterestedInFileDrag(const juce::StringArray& files) override;
  void filesDropped(const juce::StringArray& files, int x, int y) override;

 private:
  void timerCallback() override;
  void choose();

  View& view_;
  Look look_;
  SmoothClock clock_;
  double wall_ = 0;
  std::vector<SketchColumn> sketch_;
  std::vector<SpectrumColumn> spectrum_;

  Header header_;
  PromptField prompt_a_, prompt_b_;
  Crossfader crossfader_;
  Meter input_, output_;
  Picture picture_;
  StateCard card_;
  PerformancePanel performance_;
  TimingBar timing_;
  KnobRow knobs_;
  FocusRing ring_;
  juce::TooltipWindow tooltips_{this};
  std::unique_ptr<juce::FileChooser> chooser_;
};

}  // namespace lmdm::plugin
