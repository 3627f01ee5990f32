#include "editor/performance_panel.h"

#include <algorithm>
#include <array>

#include "editor/condition_text.h"
#include "editor/look.h"
#include "editor/offered.h"
#include "editor/palette.h"
#include "parameters/ids.h"

namespace lmdm::plugin {
namespace {

constexpr auto freeze_help =
    "The music goes on from what was heard last, again and again. The sustain pedal does the same while it is held.";
constexpr auto again_help = "Forgets the music so far and begins a new piece. MIDI note 36 does the same.";

}  // namespace

PerformancePanel::PerformancePanel(View& view)
    : parameters_(view.parameters()),
      layout_(Choice::Open{}, parameters_, ids::layout, "Block length", "How much music is made at once. A shorter block answers sooner."),
      headroom_(parameters_, ids::headroom, "Headroom", "Time to make a block in, part of the delay. Auto measures this machine."),
      underrun_(parameters_, ids::underrun, "When late", "What is heard while a block is late: silence, or the input in its place."),
      monitor_(parameters_, ids::monitor, "Dry signal",
               "Aligned: delayed with the music, and the host compensates. Direct: heard at once, the music answers later."),
      freeze_attachment_(parameters_, ids::freeze, freeze_),
      bypass_attachment_(parameters_, ids::bypass, bypass_) {
  freeze_.setClickingTogglesState(true);
  freeze_.setColour(juce::TextButton::buttonOnColourId, palette::frozen);
  freeze_.getProperties().set(Look::big, true);
  bypass_.setClickingTogglesState(true);
  bypass_.setColour(juce::TextButton::buttonOnColourId, palette::warning);
  describe(freeze_, "Freeze", freeze_help);
  describe(again_, "Start again", again_help);
  describe(bypass_, "Bypass", "Lets the input through, delayed as ever, so that nothing jumps.");
  again_.onClick = [&view] { view.start_again(); };
  for (juce::Component* child : std::array<juce::Component*, 7>{&freeze_, &again_, &bypass_, &layout_, &headroom_, &underrun_, &monitor_}) {
    addAndMakeVisible(child);
  }
}

void PerformancePanel::show(const Status& status) {
  const juce::String no_bundle = refusal(status, !status.bundle.empty(), "");
  if (again_.isEnabled() != no_bundle.isEmpty()) offer(again_, again_help, no_bundle);
  juce::StringArray lengths;
  for (const double seconds : status.layouts) lengths.add(juce::String(juce::roundToInt(1000 * seconds)) + " ms");
  layout_.set_items(lengths, status.layout);
  layout_.set_refusal(
      refusal(status, lengths.size() > 1, "This instrument has one block length; a folder with several bundles offers more."));

  const bool held = status.frozen && !freeze_.getToggleState();
  if (held == held_) return;
  held_ = held;
  freeze_.setButtonText(held ? "FREEZE (pedal)" : "FREEZE");
  freeze_.setColour(juce::TextButton::buttonColourId, held ? palette::frozen : palette::raised);
  freeze_.setColour(juce::TextButton::textColourOffId, held ? palette::dark : palette::text);
}

void PerformancePanel::paint(juce::Graphics& g) {
  g.setColour(palette::panel);
  g.fillRoundedRectangle(getLocalBounds().toFloat(), Look::of(*this).length(6));
}

void PerformancePanel::resized() {
  const Look& look = Look::of(*this);
  auto area = getLocalBounds().reduced(look.pixels(8));
  const int gap = look.pixels(6);
  constexpr int choices = 4;
  const int line = std::clamp((area.getHeight() - look.pixels(96)) / choices - gap, look.pixels(26), look.pixels(34));
  for (Choice* choice : std::array<Choice*, choices>{&monitor_, &underrun_, &headroom_, &layout_}) {
    choice->setBounds(area.removeFromBottom(line));
    area.removeFromBottom(gap);
  }
  auto row = area.removeFromBottom(std::clamp(area.getHeight() / 3, look.pixels(32), look.pixels(44)));
  area.removeFromBottom(gap);
  again_.setBounds(row.removeFromLeft((row.getWidth() - gap) * 11 / 20));
  bypass_.setBounds(row.withTrimmedLeft(gap));
  freeze_.setBounds(area);
}

}  // namespace lmdm::plugin
