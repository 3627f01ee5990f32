#include <iterator>

#include "hosting.h"
#include "instrument/layouts.h"
#include "parameters/ids.h"

namespace lmdm::plugin::test {
namespace {

#ifdef __linux__
long threads() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
}
bool runtime_is_mapped() {
  std::ifstream maps("/proc/self/maps");
  const std::string all{std::istreambuf_iterator<char>(maps), {}};
  return all.find("onnxruntime") != std::string::npos;
}

TEST(Scan, of_the_plugin_starts_no_thread_and_opens_no_runtime) {
  const juce::ScopedJuceInitialiser_GUI juce;
  {
    const PluginProcessor first;
  }  // whatever JUCE itself starts
  const long before = threads();
  PluginProcessor processor;
  juce::MemoryBlock state;
  processor.getStateInformation(state);
  processor.setStateInformation(state.getData(), static_cast<int>(state.getSize()));
  EXPECT_EQ(threads(), before);
  EXPECT_FALSE(runtime_is_mapped());
}
#endif

TEST(Removal, while_an_instrument_is_loaded_cancels_that) {
  Hosted hosted;
  hosted.record->hold(true);
  hosted.prepare(44100, 512, false);
  hosted.remove();
  EXPECT_TRUE(hosted.record->cancelled);
  EXPECT_EQ(hosted.record->built, 0);
}

TEST(Removal, destroys_every_engine) {
  Hosted hosted;
  for (const double rate : {44100.0, 48000.0, 96000.0}) {
    const int built = hosted.record->built;
    hosted.prepare(rate, 512, false);
    hosted.await_engine(built + 1);
    hosted.play(silence(600), 512);
  }
  hosted.remove();
  EXPECT_EQ(hosted.record->built, 3);
  EXPECT_EQ(hosted.record->destroyed, 3);
}

TEST(Buses, are_mono_or_stereo_with_a_side_chain_or_without) {
  Hosted hosted;
  using Set = juce::AudioChannelSet;
  const auto accepted = [&](const Set& in, const Set& side, const Set& out) {
    juce::AudioProcessor::BusesLayout layout;
    layout.inputBuses = {in, side};
    layout.outputBuses = {out};
    return hosted.processor().checkBusesLayoutSupported(layout);
  };
  for (const Set& main : {Set::mono(), Set::stereo()}) {
    for (const Set& side : {Set::disabled(), Set::mono(), Set::stereo()}) EXPECT_TRUE(accepted(main, side, main));
  }
  EXPECT_FALSE(accepted(Set::mono(), Set::disabled(), Set::stereo()));
  EXPECT_FALSE(accepted(Set::stereo(), Set::disabled(), Set::mono()));
  EXPECT_FALSE(accepted(Set::disabled(), Set::disabled(), Set::stereo()));
  EXPECT_FALSE(accepted(Set::quadraphonic(), Set::disabled(), Set::quadraphonic()));
  EXPECT_FALSE(accepted(Set::stereo(), Set::create5point1(), Set::stereo()));
}

TEST(SideChain, is_heard_in_the_channels_of_the_main_bus) {
  for (const auto& [main, side] : {std::pair{1, 2}, std::pair{2, 1}, std::pair{2, 2}}) {
    Hosted hosted;
    hosted.set(ids::mix, 1);
    const auto set = [](int channels) { return channels == 1 ? juce::AudioChannelSet::mono() : juce::AudioChannelSet::stereo(); };
    juce::AudioProcessor::BusesLayout layout;
    layout.inputBuses = {set(main), set(side)};
    layout.outputBuses = {set(main)};
    ASSERT_TRUE(hosted.processor().setBusesLayout(layout));
    hosted.prepare(44100, 512, true, main);
    EXPECT_TRUE(hosted.record->spec().side);
    Audio audio = silence(3000, main + side);
    for (int channel = 0; channel < side; ++channel) {
      audio[static_cast<std::size_t>(main + channel)].assign(3000, 0.25F * static_cast<float>(channel + 1));
    }
    const Audio sound = hosted.play(audio, 512);
    const bool averaged = main < side, parted = main == side;
    EXPECT_FLOAT_EQ(sound[0].back(), averaged ? 0.375F : 0.25F);
    EXPECT_FLOAT_EQ(sound[static_cast<std::size_t>(main - 1)].back(), averaged ? 0.375F : parted ? 0.5F : 0.25F);
  }
}

TEST(Layouts, of_one_instrument_are_offered_by_length) {
  const Folder folder;
  folder.add_bundle("a-long", 16);
  folder.add_bundle("b-short", 4);
  folder.add_bundle("c-other", 2, "another checkpoint");
  folder.add_bundle("d-middle", 8);
  std::filesystem::create_directories(folder.path() / "e-nothing");
  const Offer offer = layouts_of(folder.path());
  ASSERT_EQ(offer.layouts.size(), 3U);
  EXPECT_EQ(offer.layouts[0].folder.filename(), "b-short");
  EXPECT_EQ(offer.layouts[2].folder.filename(), "a-long");
  EXPECT_DOUBLE_EQ(offer.layouts[1].seconds, 8 * 2048 / 44100.0);
  EXPECT_NE(offer.left_out.find("c-other"), std::string::npos);
}

TEST(Layouts, of_a_bundle_are_itself) {
  const Folder folder;
  const Offer offer = layouts_of(folder.add_bundle("one"));
  ASSERT_EQ(offer.layouts.size(), 1U);
  EXPECT_EQ(offer.left_out, "");
}

TEST(Layouts, of_no_instrument_are_refused_with_what_to_do) {
  const Folder folder;
  for (const auto& place : {folder.path(), folder.path() / "nowhere"}) {
    try {
      (void)layouts_of(place);
      FAIL() << place;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(place.string()), std::string::npos);
      EXPECT_NE(std::string(error.what()).find("choose"), std::string::npos);
    }
  }
}

TEST(Layouts, that_are_chosen_by_number_are_the_ones_that_are_built) {
  Hosted hosted;
  hosted.folder().add_bundle("instrument/long", 16);
  hosted.folder().add_bundle("instrument/short", 4);
  hosted.choose(hosted.folder().path() / "instrument");
  hosted.prepare(44100, 512, true);
  EXPECT_EQ(hosted.processor().view().status().bundle.filename(), "short");
  hosted.set(ids::layout, 7);
  hosted.play(silence(512), 512);
  hosted.play(silence(8192), 512);
  EXPECT_EQ(hosted.processor().view().status().bundle.filename(), "long");
  EXPECT_EQ(hosted.processor().view().status().layout, 1);
  EXPECT_EQ(hosted.processor().view().status().layouts.size(), 2U);
}

}  // namespace
}  // namespace lmdm::plugin::test
