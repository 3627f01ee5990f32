#include <array>
#include <thread>

#include "hosting.h"
#include "instrument/shared_bundle.h"
#include "live/thread_setup.h"
#include "parameters/ids.h"

namespace lmdm::plugin::test {
namespace {

constexpr int rate = 8000, block = 256;

/// The plugin as it is, on a tiny bundle that Python wrote; without one the test is skipped.
class Bundled : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const char* const bundles = std::getenv("LMDM_TEST_BUNDLES");
    if (bundles == nullptr) GTEST_SKIP() << "no test bundles; run runtime_cpp/tests/c/write_bundles.py and set LMDM_TEST_BUNDLES";
    folder = std::filesystem::path(bundles) / GetParam();
  }

  std::unique_ptr<PluginProcessor> plugin(bool offline, int largest_block = block) const {
    auto made = std::make_unique<PluginProcessor>();
    made->view().choose_bundle(juce::File(folder.string()));
    set(*made, ids::mix, 1);
    made->setNonRealtime(offline);
    made->setRateAndBufferSizeDetails(rate, largest_block);
    made->prepareToPlay(rate, largest_block);
    return made;
  }
  static void set(PluginProcessor& plugin, const char* id, float value) {
    auto* const parameter = plugin.view().parameters().getParameter(id);
    parameter->setValueNotifyingHost(parameter->convertTo0to1(value));
  }
  /// The first channel of what is heard of a swelling tone.
  static std::vector<float> play(PluginProcessor& plugin, int frames, int call = block, const std::function<void(int)>& before = {}) {
    std::vector<float> sound;
    juce::MidiBuffer midi;
    for (int done = 0; done < frames;) {
      const int count = std::min(call, frames - done);
      juce::AudioBuffer<float> buffer(2, count);
      for (int i = 0; i < count; ++i) {
        const float sample = 0.3F * std::sin(0.05F * static_cast<float>(done + i));
        buffer.setSample(0, i, sample);
        buffer.setSample(1, i, sample);
      }
      if (before) before(done);
      plugin.processBlock(buffer, midi);
      sound.insert(sound.end(), buffer.getReadPointer(0), buffer.getReadPointer(0) + count);
      done += count;
    }
    return sound;
  }

  juce::ScopedJuceInitialiser_GUI juce;
  std::filesystem::path folder;
};

TEST_P(Bundled, render_is_the_same_whatever_the_calls_and_in_every_instance) {
  const auto first = plugin(true), second = plugin(true, 4096);
  const std::vector<float> sound = play(*first, 6000);
  EXPECT_FALSE(heard(sound).empty());
  EXPECT_EQ(play(*second, 6000, 1000), sound);
  first->reset();
  EXPECT_EQ(play(*first, 6000, 77), sound);
}

TEST_P(Bundled, render_follows_what_is_changed_in_the_middle) {
  for (const auto& [id, value] : {std::pair{ids::seed, 5.0F}, std::pair{ids::feedback, 0.0F}, std::pair{ids::loudness, 0.0F},
                                  std::pair{ids::crossfade, 1.0F}, std::pair{ids::freeze, 1.0F}}) {
    const auto changed = plugin(true), same = plugin(true);
    const std::vector<float> expected = play(*same, 6000);
    const std::vector<float> sound = play(*changed, 6000, block, [&, id = id, value = value](int done) {
      if (done >= 3000) set(*changed, id, value);
    });
    // What has been heard stays as it was.
    EXPECT_TRUE(std::equal(sound.begin(), sound.begin() + 3000, expected.begin())) << id;
    EXPECT_NE(sound, expected) << id;
  }
}

TEST_P(Bundled, instances_share_the_bundle_while_one_of_them_lives) {
  std::weak_ptr<const Bundle> shared;
  {
    const auto first = plugin(true), second = plugin(true);
    shared = shared_bundle(folder);
    EXPECT_EQ(shared_bundle(folder), shared.lock());
  }
  EXPECT_TRUE(shared.expired());
}

TEST_P(Bundled, instances_play_side_by_side_and_one_is_removed_while_it_makes_music) {
  std::array<std::unique_ptr<PluginProcessor>, 3> plugins{plugin(false), plugin(false), plugin(false)};
  for (const auto& each : plugins) await([&] { return each->view().status().condition == Condition::ready; });
  for (int i = 0; i < 40; ++i) {
    for (const auto& each : plugins) play(*each, block);
    if (i == 20) plugins[1] = plugin(false);
  }
  plugins[0].reset();
  await([&] {
    play(*plugins[2], block);
    return plugins[2]->view().status().metrics.blocks > 2;
  });
  EXPECT_FALSE(plugins[2]->view().status().metrics.failed);
}

TEST_P(Bundled, blocks_are_made_with_realtime_priority_where_the_system_grants_it_and_never_offline) {
  int granted = 0;
  std::thread([&granted] { granted = live::ask_priority(1); }).join();
  const auto paced = plugin(false), offline = plugin(true);
  await([&] {
    play(*paced, block);
    play(*offline, block);
    return paced->view().status().metrics.blocks > 0 && offline->view().status().metrics.blocks > 0;
  });
  EXPECT_EQ(paced->view().status().metrics.priority, granted);
  EXPECT_EQ(offline->view().status().metrics.priority, 0);
}

TEST_P(Bundled, pictures_come_while_somebody_looks) {
  const auto made = plugin(true);
  std::vector<SketchColumn> sketch;
  std::vector<SpectrumColumn> spectrum;
  play(*made, 4000);
  made->view().take(sketch, spectrum);
  EXPECT_TRUE(sketch.empty() && spectrum.empty());
  made->view().watch(true);
  std::vector<SketchColumn> all_sketch;
  std::vector<SpectrumColumn> all_spectrum;
  await([&] {
    play(*made, block);
    made->view().take(sketch, spectrum);
    all_sketch.insert(all_sketch.end(), sketch.begin(), sketch.end());
    all_spectrum.insert(all_spectrum.end(), spectrum.begin(), spectrum.end());
    return !all_sketch.empty() && !all_spectrum.empty();
  });
  EXPECT_LE(all_spectrum.front().seconds, made->view().now());
}

INSTANTIATE_TEST_SUITE_P(Patterns, Bundled, testing::Values("encoder-decoder", "block-causal"),
                         [](const auto& chosen) { return juce::String(chosen.param).removeCharacters("-").toStdString(); });

}  // namespace
}  // namespace lmdm::plugin::test
