#pragma once

#include <juce_gui_basics/juce_gui_basics.h>

#include <functional>

#include "editor/condition_text.h"
#include "view/view.h"

namespace lmdm::plugin {

/// What stands in the way of music, over the picture, and what to do; a narrow strip at its top while music plays on.
class StateCard final : public juce::Component, public juce::SettableTooltipClient {
 public:
  StateCard(std::function<void()> choose, std::function<void()> start_again);

  /// `plays_on`: there is a picture that must be seen.
  void show(const Status& status, bool plays_on);

  /// Pixels at its top that the narrow strip takes; 0 where the card covers all, or nothing.
  [[nodiscard]] int inset() const;

  void paint(juce::Graphics& g) override;
  void resized() override;
  bool hitTest(int x, int y) override;

 private:
  [[nodiscard]] juce::Rectangle<float> card() const;
  void paint_progress(juce::Graphics& g, juce::Rectangle<float> area) const;
  [[nodiscard]] juce::TextLayout sentence_layout(float width) const;
  /// Height of what stands under the sentence.
  [[nodiscard]] float foot() const;

  Condition condition_ = Condition::ready;
  ConditionText::Shape shape_ = ConditionText::Shape::ring;
  juce::Colour colour_;
  juce::String heading_, sentence_;
  double progress_ = 0;
  bool narrow_ = false;
  juce::TextButton choose_{juce::String::fromUTF8("Choose bundle\xe2\x80\xa6")}, again_{"Start again"};
};

}  // namespace lmdm::plugin
