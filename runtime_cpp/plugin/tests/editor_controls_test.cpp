#include "editor_controls.h"

#include <gtest/gtest.h>

#include "editor_fake.h"
#include "parameters/ids.h"

namespace lmdm::plugin::test {
namespace {

TEST(Prompts, count_when_they_are_entered_and_not_before) {
  Stage stage(Scene::ready);
  auto& field = control<juce::TextEditor>(stage, "Prompt A");
  field.setText("  bells ", true);
  EXPECT_EQ(stage.view.prompts[0], "warm analog pad in A minor, slow");
  field.onReturnKey();
  EXPECT_EQ(stage.view.prompts[0], "bells");
  field.setText("drums", true);
  field.onEscapeKey();
  EXPECT_EQ(field.getText(), "bells");
  field.setText("drums", true);
  field.onFocusLost();
  EXPECT_EQ(stage.view.prompts[0], "drums");
  EXPECT_EQ(stage.view.prompts[1], "distorted electric guitar, 140 bpm");
}

TEST(Prompts, follow_the_session_and_are_whole_where_they_can_be) {
  Stage stage(Scene::ready);
  stage.view.prompts[1] = "choir";
  stage.show(status_of(Scene::ready));
  auto& field = control<juce::TextEditor>(stage, "Prompt B");
  EXPECT_EQ(field.getText(), "choir");
  const float large = field.getFont().getHeight();
  stage.view.prompts[1] = "jazz with piano, acoustic bass and drums";
  stage.show(status_of(Scene::ready));
  EXPECT_LT(field.getTextWidth(), field.getWidth());
  EXPECT_LT(field.getFont().getHeight(), large);
}

TEST(Buttons, reach_the_processor) {
  Stage stage(Scene::failed);
  control<juce::Button>(stage, "Start again").onClick();
  control<juce::Button>(stage, "Start again after the failure").onClick();
  EXPECT_EQ(stage.view.starts, 2);
  control<juce::Button>(stage, "Freeze").setToggleState(true, juce::sendNotificationSync);
  EXPECT_EQ(stage.processor.parameters.getRawParameterValue(ids::freeze)->load(), 1);
  control<juce::ComboBox>(stage, "Block length").setSelectedItemIndex(1, juce::sendNotificationSync);
  EXPECT_EQ(stage.processor.parameters.getRawParameterValue(ids::layout)->load(), 1);
  control<juce::ComboBox>(stage, "When late").setSelectedItemIndex(1, juce::sendNotificationSync);
  EXPECT_EQ(stage.processor.parameters.getRawParameterValue(ids::underrun)->load(), 1);
}

TEST(Values, can_be_typed_with_or_without_their_unit) {
  Stage stage(Scene::ready);
  auto* knob = control(stage, "Output gain").getParentComponent();
  juce::Label* value = nullptr;
  for (juce::Component* child : knob->getChildren()) value = value != nullptr ? value : dynamic_cast<juce::Label*>(child);
  ASSERT_NE(value, nullptr);
  value->setText("-6,5 dB", juce::sendNotificationSync);
  EXPECT_NEAR(stage.processor.parameters.getRawParameterValue(ids::output_gain)->load(), -6.5F, 1e-4F);
  value->setText("3", juce::sendNotificationSync);
  EXPECT_EQ(value->getText(), "3.0 dB");
  value->setText("loud", juce::sendNotificationSync);
  EXPECT_EQ(value->getText(), "0.0 dB");
}

TEST(Files, that_are_dropped_are_chosen) {
  Stage stage(Scene::no_bundle);
  const juce::File folder = juce::File::getSpecialLocation(juce::File::tempDirectory);
  EXPECT_TRUE(stage.editor->isInterestedInFileDrag({folder.getFullPathName()}));
  stage.editor->filesDropped({folder.getFullPathName()}, 0, 0);
  EXPECT_EQ(stage.view.chosen, folder);
}

}  // namespace
}  // namespace lmdm::plugin::test
