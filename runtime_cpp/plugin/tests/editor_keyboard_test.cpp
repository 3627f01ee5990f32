#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "editor_controls.h"
#include "editor_fake.h"
#include "parameters/ids.h"

namespace lmdm::plugin::test {
namespace {

TEST(Keyboard, goes_from_the_music_to_the_stage_to_the_knobs) {
  Stage stage(Scene::ready);
  std::vector<std::string> titles;
  for (const juce::Component* met : by_tab(*stage.editor)) titles.push_back(met->getTitle().toStdString());
  const std::vector<std::string> expected{
      "Choose bundle",  "Prompt A",          "Crossfade", "Prompt B",     "Freeze",     "Start again", "Bypass",
      "Block length",   "Headroom",          "When late", "Dry signal",   "Input gain", "Mix",         "Output gain",
      "Pitch strength", "Loudness strength", "Feedback",  "Context drop", "Guidance",   "Steps",       "Seed"};
  EXPECT_EQ(titles, expected);
}

class Controls : public testing::TestWithParam<Scene> {};

TEST_P(Controls, are_all_met_by_tab_where_they_are_offered_and_named) {
  Stage stage(GetParam());
  const std::vector<juce::Component*> met = by_tab(*stage.editor);
  const std::set<juce::Component*> reached(met.begin(), met.end());
  EXPECT_EQ(reached.size(), met.size());
  std::set<juce::String> titles;
  for (juce::Component* found : controls_of(*stage.editor)) {
    EXPECT_EQ(reached.contains(found), found->isEnabled()) << found->getTitle();
    EXPECT_TRUE(found->getTitle().isNotEmpty());
    EXPECT_TRUE(found->getDescription().isNotEmpty()) << found->getTitle();
    EXPECT_TRUE(titles.insert(found->getTitle()).second) << found->getTitle();
  }
}

TEST_P(Controls, that_are_disabled_say_why) {
  Stage stage(GetParam()), ready(Scene::ready);
  for (juce::Component* found : controls_of(*stage.editor)) {
    if (found->isEnabled()) continue;
    EXPECT_EQ(tooltip_of(*found), found->getDescription()) << found->getTitle();
    EXPECT_NE(tooltip_of(*found), tooltip_of(control(ready, found->getTitle()))) << found->getTitle();
  }
}

TEST_P(Controls, are_large_enough_to_hit) {
  for (const auto& [width, height, least] : {std::tuple{640, 420, 20}, std::tuple{960, 640, 32}}) {
    Stage stage(GetParam(), width, height);
    for (const juce::Component* found : controls_of(*stage.editor)) {
      EXPECT_GE(found->getWidth(), least) << found->getTitle();
      EXPECT_GE(found->getHeight(), least) << found->getTitle();
      EXPECT_TRUE(stage.editor->getLocalBounds().contains(stage.editor->getLocalArea(found, found->getLocalBounds()))) << found->getTitle();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(scenes, Controls, testing::ValuesIn(scenes),
                         [](const auto& given) { return juce::String(name_of(given.param)).replaceCharacter('-', '_').toStdString(); });

std::set<std::string> disabled(Scene scene) {
  Stage stage(scene);
  std::set<std::string> titles;
  for (const juce::Component* found : controls_of(*stage.editor)) {
    if (!found->isEnabled()) titles.insert(found->getTitle().toStdString());
  }
  return titles;
}

TEST(Offers, are_disabled_where_the_instrument_lacks_them) {
  const std::set<std::string> lacking{"Pitch strength", "Loudness strength", "Guidance", "Block length"};
  std::set<std::string> without_bundle = lacking;
  without_bundle.insert("Start again");
  EXPECT_EQ(disabled(Scene::ready), std::set<std::string>{});
  EXPECT_EQ(disabled(Scene::poor), lacking);
  EXPECT_EQ(disabled(Scene::no_bundle), without_bundle);
}

/// What a host would record.
class Gestures final : public juce::AudioProcessorParameter::Listener {
 public:
  explicit Gestures(juce::AudioProcessorParameter& parameter) : parameter_(parameter) { parameter.addListener(this); }
  ~Gestures() override { parameter_.removeListener(this); }
  void parameterValueChanged(int, float) override { said += held ? "v" : "V"; }
  void parameterGestureChanged(int, bool begins) override {
    held = begins;
    said += begins ? "(" : ")";
  }

  bool held = false;
  std::string said;

 private:
  juce::AudioProcessorParameter& parameter_;
};

TEST(Keyboard, moves_a_knob_as_one_gesture_for_the_host) {
  Stage stage(Scene::ready);
  juce::RangedAudioParameter& mix = *stage.processor.parameters.getParameter(ids::mix);
  Gestures gestures(mix);
  juce::Component& dial = control(stage, "Mix");
  EXPECT_TRUE(dial.keyPressed(juce::KeyPress(juce::KeyPress::upKey)));
  EXPECT_NEAR(mix.getValue(), 0.51F, 1e-4F);
  EXPECT_EQ(gestures.said, "(v)");
  EXPECT_TRUE(dial.keyPressed(juce::KeyPress(juce::KeyPress::pageDownKey)));
  EXPECT_NEAR(mix.getValue(), 0.41F, 1e-4F);
  EXPECT_TRUE(dial.keyPressed(juce::KeyPress(juce::KeyPress::endKey)));
  EXPECT_EQ(mix.getValue(), 1);
  EXPECT_TRUE(dial.keyPressed(juce::KeyPress(juce::KeyPress::rightKey)));
  EXPECT_EQ(mix.getValue(), 1);
  EXPECT_FALSE(dial.keyPressed(juce::KeyPress(juce::KeyPress::tabKey)));
}

TEST(Keyboard, moves_a_knob_of_whole_numbers_one_by_one) {
  Stage stage(Scene::ready);
  juce::Component& steps = control(stage, "Steps");
  steps.keyPressed(juce::KeyPress(juce::KeyPress::upKey));
  EXPECT_EQ(stage.processor.parameters.getRawParameterValue(ids::steps)->load(), 1);
  steps.keyPressed(juce::KeyPress(juce::KeyPress::upKey));
  EXPECT_EQ(stage.processor.parameters.getRawParameterValue(ids::steps)->load(), 2);
}

TEST(Keyboard, moves_the_crossfader) {
  Stage stage(Scene::ready);
  control(stage, "Crossfade").keyPressed(juce::KeyPress(juce::KeyPress::endKey));
  EXPECT_EQ(stage.processor.parameters.getRawParameterValue(ids::crossfade)->load(), 1);
}

TEST(Keyboard, is_where_the_ring_is) {
  Stage stage(Scene::ready);
  const juce::Image before = stage.picture();
  juce::Component& mix = control(stage, "Mix");
  stage.editor->focus_ring().surround(&mix);
  const juce::Image ringed = stage.picture();
  const auto around = stage.editor->getLocalArea(&mix, mix.getLocalBounds()).expanded(6);
  int changed = 0;
  for (int y = 0; y < before.getHeight(); ++y) {
    for (int x = 0; x < before.getWidth(); ++x) {
      if (before.getPixelAt(x, y) == ringed.getPixelAt(x, y)) continue;
      ++changed;
      ASSERT_TRUE(around.contains(x, y)) << x << " " << y;
    }
  }
  EXPECT_GT(changed, 2 * (mix.getWidth() + mix.getHeight()));
  stage.editor->focus_ring().surround(nullptr);
  EXPECT_EQ(stage.picture().getPixelAt(around.getX() + 4, around.getCentreY()), before.getPixelAt(around.getX() + 4, around.getCentreY()));
}

}  // namespace
}  // namespace lmdm::plugin::test
