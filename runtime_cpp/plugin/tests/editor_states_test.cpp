#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "editor_fake.h"

namespace lmdm::plugin::test {
namespace {

struct Size {
  int width, height;
};
constexpr Size sizes[] = {{640, 420}, {960, 640}, {1920, 1200}};

/// Where a person who asks for pictures wants them, or beside the test.
juce::File folder() {
  const juce::String asked = juce::SystemStats::getEnvironmentVariable("LMDM_PICTURES", "");
  const juce::File made =
      asked.isNotEmpty() ? juce::File(asked) : juce::File::getSpecialLocation(juce::File::currentExecutableFile).getSiblingFile("pictures");
  made.createDirectory();
  return made;
}

void write(const juce::Image& picture, const std::string& name) {
  const juce::File file = folder().getChildFile("editor-" + name + ".png");
  file.deleteFile();
  juce::FileOutputStream stream(file);
  ASSERT_TRUE(stream.openedOk()) << file.getFullPathName();
  ASSERT_TRUE(juce::PNGImageFormat().writeImageToStream(picture, stream)) << file.getFullPathName();
}

bool same(const juce::Image& one, const juce::Image& other, juce::Rectangle<int> area) {
  for (int y = area.getY(); y < area.getBottom(); ++y) {
    for (int x = area.getX(); x < area.getRight(); ++x) {
      if (one.getPixelAt(x, y) != other.getPixelAt(x, y)) return false;
    }
  }
  return true;
}

/// Parts of the editor in which two pictures differ; "elsewhere" for what lies in none of them.
std::set<std::string> differences(const EditorWindow& editor, const juce::Image& first, const juce::Image& second) {
  juce::Image one = first.createCopy(), other = second.createCopy();
  std::set<std::string> found;
  for (const juce::Component* part : editor.getChildren()) {
    if (part->getComponentID().isEmpty() || part->getComponentID() == "card") continue;
    if (!same(one, other, part->getBounds())) found.insert(part->getComponentID().toStdString());
    one.clear(part->getBounds());
    other.clear(part->getBounds());
  }
  if (!same(one, other, editor.getLocalBounds())) found.insert("elsewhere");
  return found;
}

using Parts = std::set<std::string>;

class Pictures : public testing::TestWithParam<Size> {
 protected:
  [[nodiscard]] Parts between(Scene one, Scene other) { return differences(*editor_.editor, of(one), of(other)); }
  [[nodiscard]] const juce::Image& of(Scene scene) {
    juce::Image& picture = pictures_[scene];
    if (picture.isNull()) picture = fresh(scene);
    return picture;
  }
  [[nodiscard]] static juce::Image fresh(Scene scene) { return Stage(scene, GetParam().width, GetParam().height).picture(); }

 private:
  Stage editor_{Scene::ready, GetParam().width, GetParam().height};
  std::map<Scene, juce::Image> pictures_;
};

TEST_P(Pictures, every_scene_is_drawn_the_same_twice) {
  for (const Scene scene : scenes) {
    Stage stage(scene, GetParam().width, GetParam().height);
    const juce::Image picture = stage.picture();
    write(picture, name_of(scene) + "-" + std::to_string(GetParam().width) + "x" + std::to_string(GetParam().height));
    EXPECT_EQ(picture.getWidth(), GetParam().width);
    EXPECT_TRUE(same(picture, stage.picture(), picture.getBounds())) << name_of(scene);
    EXPECT_TRUE(same(picture, fresh(scene), picture.getBounds())) << name_of(scene);
  }
}

TEST_P(Pictures, every_scene_looks_different_from_every_other_in_its_header_or_its_knobs) {
  for (const Scene one : scenes) {
    for (const Scene other : scenes) {
      if (one >= other) continue;
      const Parts parts = between(one, other);
      EXPECT_TRUE(parts.contains("header") || parts.contains("knobs")) << name_of(one) << " and " << name_of(other);
      for (const char* part : {"elsewhere", "prompt_a", "prompt_b", "crossfader"}) {
        EXPECT_FALSE(parts.contains(part)) << name_of(one) << " and " << name_of(other) << ": " << part;
      }
    }
  }
}

TEST_P(Pictures, only_what_a_scene_is_about_changes) {
  EXPECT_EQ(between(Scene::ready, Scene::frozen), (Parts{"header", "performance"}));
  EXPECT_EQ(between(Scene::ready, Scene::overloaded), (Parts{"header", "picture", "timing"}));
  EXPECT_EQ(between(Scene::ready, Scene::failed), (Parts{"header", "picture"}));
  EXPECT_EQ(between(Scene::ready, Scene::rebuilding), (Parts{"header", "picture"}));
  EXPECT_EQ(between(Scene::ready, Scene::poor), (Parts{"header", "picture", "performance", "knobs"}));
  EXPECT_EQ(between(Scene::no_bundle, Scene::loading), (Parts{"header", "picture", "performance", "knobs"}));
}

INSTANTIATE_TEST_SUITE_P(sizes, Pictures, testing::ValuesIn(sizes),
                         [](const auto& size) { return std::to_string(size.param.width) + "x" + std::to_string(size.param.height); });

TEST(Editor, goes_from_scene_to_scene_as_if_it_had_begun_there) {
  // Of those that hear the same: what was followed before is seen on.
  constexpr Scene alike[] = {Scene::ready, Scene::frozen, Scene::overloaded, Scene::failed, Scene::rebuilding};
  for (const Scene from : alike) {
    for (const Scene to : alike) {
      Stage moved(from), fresh(to);
      moved.show(status_of(to));
      EXPECT_EQ(differences(*moved.editor, moved.picture(), fresh.picture()), Parts{}) << name_of(from) << " to " << name_of(to);
    }
  }
}

TEST(Editor, scrolls_as_if_it_were_drawn_anew) {
  // What moves is the ring of pixels; another size and back draws all of it again.
  Stage stage(Scene::ready);
  stage.view.heard = tune_now - 3;
  stage.editor->refresh(0.1);
  const juce::Image scrolled = stage.picture();
  stage.editor->setSize(700, 500);
  [[maybe_unused]] const juce::Image small = stage.picture();
  stage.editor->setSize(960, 640);
  EXPECT_EQ(differences(*stage.editor, scrolled, stage.picture()), Parts{});
  EXPECT_EQ(differences(*stage.editor, scrolled, Stage(Scene::ready).picture()), Parts{"picture"});
}

TEST(Editor, tells_the_processor_that_it_watches_for_as_long_as_it_lives) {
  Stage stage(Scene::ready);
  EXPECT_TRUE(stage.view.watched);
  stage.editor.reset();
  EXPECT_FALSE(stage.view.watched);
}

}  // namespace
}  // namespace lmdm::plugin::test
