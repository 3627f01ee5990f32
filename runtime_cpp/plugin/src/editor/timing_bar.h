#pragma once

#include <juce_gui_basics/juce_gui_basics.h>

#include <vector>

#include "view/view.h"

namespace lmdm::plugin {

/// How long a block takes to make, as a bar in the time that it lasts, and the figures of the delay.
class TimingBar final : public juce::Component, public juce::SettableTooltipClient {
 public:
  TimingBar();

  void show(const Status& status);

  void paint(juce::Graphics& g) override;

 private:
  struct Figure {
    juce::String label, value;
    juce::Colour colour;
    bool operator==(const Figure&) const = default;
  };

  void paint_bar(juce::Graphics& g, juce::Rectangle<float> area) const;

  double newest_ = 0, worst_ = 0;  ///< shares of the block's time
  std::vector<Figure> figures_;
};

}  // namespace lmdm::plugin
