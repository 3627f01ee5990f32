#include "editor/choice.h"

#include "editor/look.h"
#include "editor/offered.h"
#include "editor/palette.h"

namespace lmdm::plugin {

Choice::Choice(Open /*open*/, juce::AudioProcessorValueTreeState& parameters, const char* id, const char* label, const char* help)
    : label_(label), help_(help) {
  describe(box_, label_, help_);
  addAndMakeVisible(box_);
  open_ = std::make_unique<juce::ParameterAttachment>(*parameters.getParameter(id), [](float /*value*/) {});
  box_.onChange = [this] { open_->setValueAsCompleteGesture(static_cast<float>(box_.getSelectedItemIndex())); };
}

Choice::Choice(juce::AudioProcessorValueTreeState& parameters, const char* id, const char* label, const char* help)
    : label_(label), help_(help) {
  describe(box_, label_, help_);
  addAndMakeVisible(box_);
  juce::RangedAudioParameter& parameter = *parameters.getParameter(id);
  box_.addItemList(parameter.getAllValueStrings(), 1);
  fixed_ = std::make_unique<juce::ComboBoxParameterAttachment>(parameter, box_);
}

Choice::~Choice() = default;

void Choice::set_items(const juce::StringArray& items, int chosen) {
  if (items != items_) {
    items_ = items;
    box_.clear(juce::dontSendNotification);
    box_.addItemList(items, 1);
  }
  if (!box_.isPopupActive()) box_.setSelectedItemIndex(chosen, juce::dontSendNotification);
}

void Choice::set_refusal(const juce::String& refusal) {
  if (refusal == refusal_) return;
  refusal_ = refusal;
  offer(box_, help_, refusal);
  box_.resized();
  repaint();
}

void Choice::paint(juce::Graphics& g) {
  const Look& look = Look::of(*this);
  draw_text(g, label_, getLocalBounds().toFloat(), juce::Justification::centredLeft, look.font(Text::label),
            refusal_.isEmpty() ? palette::quiet : palette::off);
}

void Choice::resized() {
  box_.setBounds(getLocalBounds().withTrimmedLeft(Look::of(*this).pixels(92)));
  box_.resized();
}

}  // namespace lmdm::plugin
