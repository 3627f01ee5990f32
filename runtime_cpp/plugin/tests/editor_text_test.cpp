#include <gtest/gtest.h>

#include <tuple>
#include <vector>

#include "editor/look.h"
#include "editor/palette.h"
#include "editor_fake.h"
#include "editor_ink.h"

namespace lmdm::plugin::test {
namespace {

constexpr double readable = 4.5;  // WCAG 2.2, 1.4.3
constexpr float smallest = 10;    // pixels

std::vector<Letter> letters_of(juce::Component& component) {
  juce::Image image(juce::Image::RGB, component.getWidth(), component.getHeight(), true);
  Ink ink(image);
  {
    juce::Graphics g(ink);
    component.paintEntireComponent(g, true);
  }
  return ink.letters;
}

struct Size {
  int width, height;
};

class Texts : public testing::TestWithParam<std::tuple<Scene, Size>> {};

TEST_P(Texts, are_whole_large_enough_and_readable) {
  const auto [scene, size] = GetParam();
  Stage stage(scene, size.width, size.height);
  const std::vector<Letter> letters = letters_of(*stage.editor);
  EXPECT_GT(letters.size(), 200U);
  for (const Letter& letter : letters) {
    EXPECT_TRUE(letter.whole) << letter.near;
    EXPECT_FALSE(letter.last_dot) << letter.near;
    EXPECT_GE(letter.height, smallest) << letter.near;
    EXPECT_GE(letter.contrast, readable) << letter.near;
  }
}

INSTANTIATE_TEST_SUITE_P(scenes, Texts,
                         testing::Combine(testing::ValuesIn(scenes), testing::Values(Size{640, 420}, Size{3840, 420}, Size{960, 640},
                                                                                     Size{640, 2160}, Size{1920, 1200})),
                         [](const auto& given) {
                           const Scene scene = std::get<0>(given.param);
                           const Size size = std::get<1>(given.param);
                           return juce::String(name_of(scene)).replaceCharacter('-', '_').toStdString() + "_" + std::to_string(size.width) +
                                  "x" + std::to_string(size.height);
                         });

TEST(Letters, of_every_value_of_every_parameter_are_whole) {
  Stage stage(Scene::ready, 640, 420);
  for (const float value : {0.0F, 1.0F, 0.123F}) {
    for (juce::AudioProcessorParameter* parameter : stage.processor.getParameters()) parameter->setValueNotifyingHost(value);
    for (const Letter& letter : letters_of(*stage.editor)) {
      EXPECT_TRUE(letter.whole && !letter.last_dot) << value << ": " << letter.near;
      EXPECT_GE(letter.contrast, readable) << value << ": " << letter.near;
    }
  }
}

TEST(Letters, of_names_that_are_too_long_end_in_dots_of_our_own) {
  Stage stage(Scene::ready, 640, 420);
  Status status = status_of(Scene::ready);
  status.instrument = std::string(300, 'W');
  stage.show(status);
  for (const Letter& letter : letters_of(*stage.editor)) EXPECT_TRUE(letter.whole && !letter.last_dot) << letter.near;
}

TEST(Letters, of_sentences_of_any_length_are_whole) {
  for (const Scene scene : {Scene::no_bundle, Scene::loading, Scene::rebuilding, Scene::overloaded, Scene::failed}) {
    Stage stage(scene, 640, 420);
    for (const int words : {1, 40, 80, 300}) {
      Status status = status_of(scene);
      status.sentence = juce::String::repeatedString("word ", words).trimEnd().toStdString();
      stage.show(status);
      for (const Letter& letter : letters_of(*stage.editor)) {
        EXPECT_TRUE(letter.whole && !letter.last_dot) << name_of(scene) << ", " << words << ": " << letter.near;
      }
    }
  }
}

/// What the checks above look for, on purpose.
class Bad final : public juce::Component {
 public:
  void paint(juce::Graphics& g) override {
    g.fillAll(palette::panel);
    draw_text(g, "cut at the side", {-20, 0, 200, 20}, juce::Justification::centredLeft, juce::Font(14), palette::text);
    draw_text(g, "shortened because it is long", {0, 20, 60, 20}, juce::Justification::centredLeft, juce::Font(14), palette::text);
    draw_text(g, "pale", {0, 40, 200, 20}, juce::Justification::centredLeft, juce::Font(14), palette::line);
  }
};

TEST(Letters, that_are_cut_or_shortened_or_pale_are_found) {
  const Stage stage(Scene::ready);
  Bad bad;
  bad.setBounds(0, 0, 200, 60);
  int cut = 0, shortened = 0, pale = 0;
  for (const Letter& letter : letters_of(bad)) {
    if (!letter.whole) ++cut;
    if (letter.last_dot) ++shortened;
    if (letter.contrast < readable) ++pale;
  }
  EXPECT_GT(cut, 0);
  EXPECT_EQ(shortened, 1);
  EXPECT_EQ(pale, 4);
}

TEST(Letters, contrast_is_that_of_the_standard) {
  EXPECT_NEAR(contrast(juce::Colours::black, juce::Colours::white), 21, 1e-6);
  EXPECT_NEAR(contrast(juce::Colour(0xff767676), juce::Colours::white), 4.54, 0.01);
}

}  // namespace
}  // namespace lmdm::plugin::test
