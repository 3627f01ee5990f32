#include <atomic>
#include <thread>

#include "hosting.h"
#include "parameters/ids.h"
#include "watch.h"

namespace lmdm::plugin::test {
namespace {

using live::test::first_seen;
using live::test::forget_calls;
using live::test::seen_calls;
using live::test::Watch;

/// Takes the audio thread along every path that it knows: no engine, the first one, swaps, MIDI, bypass, side-chain, calls of every size,
/// and somebody who looks at the pictures.
void tour(Hosted& hosted, int calls) {
  const std::vector<int> sizes{1, 64, 441, 512, 513, 2048, 7};
  Audio audio = silence(2048, 4);
  juce::MidiBuffer midi, none;
  midi.addEvent(juce::MidiMessage::controllerEvent(1, 64, 100), 0);
  midi.addEvent(juce::MidiMessage::noteOn(1, 36, 1.0F), 3);
  const std::vector<juce::uint8> exclusive(300, 1);
  midi.addEvent(juce::MidiMessage::createSysExMessage(exclusive.data(), static_cast<int>(exclusive.size())), 4);
  std::vector<float*> planes;
  for (auto& channel : audio) planes.push_back(channel.data());
  int built = 0;
  for (int i = 0; i < calls; ++i) {
    if (i % 20 == 10) built = hosted.record->built;
    if (i % 20 == 10) hosted.set(ids::layout, static_cast<float>((i / 20 + 1) % 8));
    if (i % 7 == 3) hosted.set(ids::bypass, static_cast<float>(i % 2));
    if (i % 11 == 5) hosted.set(ids::monitor, static_cast<float>(i % 2));
    hosted.set(ids::mix, static_cast<float>(i % 10) / 10);
    juce::AudioBuffer<float> buffer(planes.data(), 4, sizes[static_cast<std::size_t>(i) % sizes.size()]);
    {
      const Watch watch;
      hosted.processor().processBlock(buffer, i % 5 == 0 ? midi : none);
      if (i % 13 == 0) hosted.processor().processBlockBypassed(buffer, none);
    }
    if (i % 20 == 15) await([&] { return hosted.record->built > built; });
  }
}

TEST(Plugin, allocates_locks_waits_and_enters_the_kernel_never_on_the_audio_thread) {
  Hosted hosted;
  juce::AudioProcessor::BusesLayout layout = hosted.processor().getBusesLayout();
  layout.inputBuses.getReference(1) = juce::AudioChannelSet::stereo();
  ASSERT_TRUE(hosted.processor().setBusesLayout(layout));
  hosted.processor().view().watch(true);
  hosted.record->latency = 3000;
  hosted.prepare(48000, 2048, false);
  forget_calls();
  tour(hosted, 400);
  EXPECT_EQ(seen_calls(), 0) << "the first was " << first_seen();
  EXPECT_GT(hosted.record->built, 5);
  EXPECT_GT(hosted.record->destroyed, 3);
}

/// That the test above would see it.
TEST(Watched, a_render_that_waits_is_seen) {
  Hosted hosted;
  hosted.prepare(48000, 512, true);
  juce::AudioBuffer<float> buffer(2, 512);
  juce::MidiBuffer midi;
  forget_calls();
  {
    const Watch watch;
    hosted.processor().processBlock(buffer, midi);
  }
  EXPECT_GT(seen_calls(), 0);
}

}  // namespace
}  // namespace lmdm::plugin::test
