#include "editor/knob_row.h"

#include "editor/condition_text.h"
#include "editor/look.h"
#include "editor/palette.h"
#include "parameters/ids.h"

namespace lmdm::plugin {

KnobRow::KnobRow(juce::AudioProcessorValueTreeState& parameters)
    : parameters_(parameters), groups_{{"DELAY", palette::steel, {}}, {"SKETCH", palette::heard, {}}, {"MUSIC", palette::prompt_a, {}}} {
  Group& delay = groups_[0];
  add(delay, ids::input_gain, {"In", "Input gain", "Gain of the input before the music hears it."});
  add(delay, ids::mix, {"Mix", "Mix", "From the input alone to the music alone, at equal power."});
  add(delay, ids::output_gain, {"Out", "Output gain", "Gain of all that is heard."});
  Group& sketch = groups_[1];
  pitch_ = &add(sketch, ids::pitch, {"Pitch", "Pitch strength", "How closely the music follows the pitches of the input."});
  loudness_ = &add(sketch, ids::loudness, {"Loudness", "Loudness strength", "How closely the music follows the loudness of the input."});
  Group& music = groups_[2];
  add(music, ids::feedback, {"Feedback", "Feedback", "How much of its own past the music hears: 0 begins every block afresh."});
  add(music, ids::context_drop, {"Context drop", "Context drop", "How much of the past is forgotten when the other prompt takes over."});
  guidance_ =
      &add(music, ids::guidance, {"Guidance", "Guidance", "How strongly the music is pushed towards the prompt. The bundle has its own."});
  add(music, ids::steps, {"Steps", "Steps", "Refinements of each block; more take longer. The bundle has its own number."});
  add(music, ids::seed, {"Seed", "Seed", "Another number is another piece."});
}

Knob& KnobRow::add(Group& group, const char* id, const KnobText& text) {
  knobs_.push_back(std::make_unique<Knob>(parameters_, id, text, group.colour));
  group.knobs.push_back(knobs_.back().get());
  addAndMakeVisible(*knobs_.back());
  return *knobs_.back();
}

void KnobRow::show(const Status& status) {
  pitch_->set_refusal(refusal(status, status.has_pitch, "This instrument does not follow pitch."));
  loudness_->set_refusal(refusal(status, status.has_loudness, "This instrument does not follow loudness."));
  guidance_->set_refusal(refusal(status, status.has_guidance, "This instrument was exported without guidance."));
}

void KnobRow::paint(juce::Graphics& g) {
  const Look& look = Look::of(*this);
  for (const Group& group : groups_) {
    g.setColour(palette::panel);
    g.fillRoundedRectangle(group.bounds.toFloat(), look.length(6));
    draw_text(g, group.name, group.bounds.withTrimmedLeft(look.pixels(12)).removeFromTop(look.pixels(24)).toFloat(),
              juce::Justification::centredLeft, look.font(Text::small).boldened(), group.colour);
  }
}

void KnobRow::resized() {
  const Look& look = Look::of(*this);
  const int gap = look.pixels(8), padding = look.pixels(6);
  const auto last = static_cast<int>(groups_.size()) - 1;
  int needed = last * gap + static_cast<int>(groups_.size()) * 2 * padding;
  for (const auto& knob : knobs_) needed += knob->least_width();
  const int spare = std::max(0, getWidth() - needed) / static_cast<int>(knobs_.size());

  auto area = getLocalBounds();
  for (Group& group : groups_) {
    int width = 2 * padding;
    for (const Knob* knob : group.knobs) width += knob->least_width() + spare;
    group.bounds = &group == &groups_.back() ? area : area.removeFromLeft(width);
    area.removeFromLeft(gap);
    auto cells = group.bounds.reduced(padding, 0).withTrimmedTop(look.pixels(22)).withTrimmedBottom(look.pixels(4));
    for (Knob* knob : group.knobs) knob->setBounds(cells.removeFromLeft(knob->least_width() + spare));
  }
}

}  // namespace lmdm::plugin
