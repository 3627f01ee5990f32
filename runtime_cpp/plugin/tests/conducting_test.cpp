#include "hosting.h"
#include "parameters/ids.h"

namespace lmdm::plugin::test {
namespace {

constexpr int rate = 48000, block = 512;

juce::MidiBuffer message(const juce::MidiMessage& message) {
  juce::MidiBuffer midi;
  midi.addEvent(message, 0);
  return midi;
}

TEST(Conducting, hands_over_what_is_asked_before_the_next_block_of_a_render) {
  Hosted hosted;
  hosted.prepare(rate, block, true);
  hosted.set(ids::crossfade, 0.503F);
  hosted.set(ids::pitch, 0.25F);
  hosted.set(ids::loudness, 0.75F);
  hosted.set(ids::context_drop, 0.5F);
  hosted.set(ids::feedback, 0.125F);
  hosted.set(ids::steps, 6);
  hosted.set(ids::guidance, 4);
  hosted.set(ids::seed, 1234);
  hosted.processor().view().set_prompt(Slot::a, "first");
  hosted.processor().view().set_prompt(Slot::b, "second");
  hosted.play(silence(block), block);
  Wishes expected;
  expected.prompt_a = "first";
  expected.prompt_b = "second";
  expected.crossfade = 32;
  expected.pitch = hosted.get(ids::pitch);
  expected.loudness = hosted.get(ids::loudness);
  expected.context_drop = hosted.get(ids::context_drop);
  expected.feedback = hosted.get(ids::feedback);
  expected.steps = 6;
  expected.guidance = hosted.get(ids::guidance);
  expected.seed = 1234;
  EXPECT_EQ(hosted.record->newest(), expected);
  EXPECT_EQ(hosted.record->built, 1);
}

TEST(Conducting, hands_over_in_real_time_too) {
  Hosted hosted;
  hosted.prepare(rate, block, false);
  hosted.await_engine(1);
  hosted.set(ids::crossfade, 1);
  await([&] { return hosted.record->newest().crossfade == Wishes::crossfade_steps; });
}

TEST(Conducting, steps_are_a_new_engine_where_the_headroom_is_measured_for_them) {
  Hosted hosted;
  hosted.prepare(rate, block, false);
  hosted.await_engine(1);
  hosted.set(ids::steps, 4);
  await([&] { return hosted.record->built == 2; });
  EXPECT_EQ(hosted.record->spec().measured_steps, 4);
  hosted.set(ids::headroom, static_cast<float>(Headroom::ms_200));
  await([&] { return hosted.record->built == 3; });
  hosted.set(ids::steps, 7);
  await([&] { return hosted.record->newest().steps == 7; });
  EXPECT_EQ(hosted.record->built, 3);
}

TEST(Conducting, what_an_engine_is_built_for_is_what_the_parameters_and_the_host_say) {
  Hosted hosted;
  hosted.set(ids::layout, 3);
  hosted.set(ids::headroom, static_cast<float>(Headroom::whole_block));
  hosted.set(ids::underrun, 1);
  hosted.prepare(96000, 64, false, 1);
  hosted.await_engine(1);
  const EngineSpec spec = hosted.record->spec();
  EXPECT_EQ(spec.layout, 3);
  EXPECT_EQ(spec.headroom, Headroom::whole_block);
  EXPECT_EQ(spec.underrun, Underrun::dry);
  EXPECT_EQ(spec.rate, 96000);
  EXPECT_EQ(spec.channels, 1);
  EXPECT_EQ(spec.largest_block, 64);
  EXPECT_FALSE(spec.side);
  EXPECT_FALSE(spec.offline);
}

TEST(Conducting, preparing_again_for_the_same_host_keeps_the_engine) {
  Hosted hosted;
  for (const bool offline : {false, true}) {
    const int built = hosted.record->built;
    hosted.prepare(rate, block, offline);
    hosted.await_engine(built + 1);
    hosted.play(silence(block * 10), block);
    hosted.prepare(rate, block, offline);
    EXPECT_EQ(hosted.record->built, built + 1);
  }
  // A render begins with the beginning.
  EXPECT_EQ(hosted.record->restarts, 1);
}

TEST(Conducting, a_render_begins_again_where_the_host_resets) {
  Hosted hosted;
  hosted.prepare(rate, block, true);
  const Audio input = impulse(8192, 5);
  const Audio first = hosted.play(input, block);
  hosted.processor().reset();
  EXPECT_EQ(hosted.play(input, 100), first);
}

TEST(Pedal, freezes_while_it_is_held) {
  Hosted hosted;
  hosted.prepare(rate, block, true);
  hosted.play(silence(block), block, message(juce::MidiMessage::controllerEvent(1, 64, 63)));
  EXPECT_FALSE(hosted.record->frozen);
  hosted.play(silence(block), block, message(juce::MidiMessage::controllerEvent(7, 64, 64)));
  EXPECT_TRUE(hosted.record->frozen);
  hosted.play(silence(block), block, message(juce::MidiMessage::controllerEvent(7, 65, 0)));
  EXPECT_TRUE(hosted.record->frozen);
  EXPECT_TRUE(hosted.processor().view().status().frozen);
  hosted.play(silence(block), block, message(juce::MidiMessage::controllerEvent(7, 64, 0)));
  EXPECT_FALSE(hosted.record->frozen);
  hosted.set(ids::freeze, 1);
  hosted.play(silence(block), block);
  EXPECT_TRUE(hosted.record->frozen);
}

TEST(Pedal, note_36_begins_the_piece_again_once) {
  Hosted hosted;
  hosted.prepare(rate, block, true);
  hosted.play(silence(block), block, message(juce::MidiMessage::noteOn(1, 35, 1.0F)));
  hosted.play(silence(block), block, message(juce::MidiMessage::noteOff(1, 36)));
  hosted.play(silence(block), block, message(juce::MidiMessage::noteOn(1, 36, juce::uint8{0})));
  EXPECT_EQ(hosted.record->begun, 0);
  hosted.play(silence(block * 4), block, message(juce::MidiMessage::noteOn(10, 36, 1.0F)));
  EXPECT_EQ(hosted.record->begun, 1);
  hosted.processor().view().start_again();
  hosted.play(silence(block), block);
  EXPECT_EQ(hosted.record->begun, 2);
}

TEST(Status, tells_of_an_instrument_that_refuses_and_tries_again_with_another_prompt) {
  Hosted hosted;
  hosted.record->refusal = "no such prompt";
  hosted.prepare(rate, block, false);
  await([&] { return hosted.processor().view().status().condition == Condition::failed; });
  EXPECT_EQ(hosted.processor().view().status().sentence, "no such prompt");
  hosted.processor().view().set_prompt(Slot::a, "another");
  hosted.await_engine(1);
  EXPECT_EQ(hosted.processor().view().status().sentence, "");
}

TEST(Status, of_an_instrument_that_failed_is_tried_again_by_starting_again) {
  Hosted hosted;
  hosted.record->refusal = "out of memory";
  hosted.prepare(rate, block, false);
  await([&] { return hosted.processor().view().status().condition == Condition::failed; });
  hosted.processor().view().start_again();
  hosted.await_engine(1);
}

TEST(Status, tells_of_blocks_that_come_too_late) {
  Hosted hosted;
  hosted.prepare(rate, block, false);
  hosted.await_engine(1);
  hosted.record->underruns = 1;
  await([&] { return hosted.processor().view().status().condition == Condition::overloaded; });
}

TEST(Status, waits_for_a_host_that_plays) {
  Hosted hosted;
  const Status status = hosted.processor().view().status();
  EXPECT_EQ(status.condition, Condition::loading);
  EXPECT_NE(status.sentence, "");
}

TEST(Status, has_the_peaks_since_it_was_asked) {
  Hosted hosted;
  hosted.set(ids::input_gain, -20);
  hosted.set(ids::output_gain, -40);
  hosted.set(ids::mix, 0);
  hosted.prepare(rate, block, true);
  Audio audio = impulse(block * 4, 100);
  audio[1][100] = -0.5F;
  hosted.play(audio, block);
  const Status status = hosted.processor().view().status();
  // What the music hears, and what the host does: the gain of the input is not for the musician's own sound.
  EXPECT_NEAR(status.input_peak[0], 0.1F, 1e-6F);
  EXPECT_NEAR(status.input_peak[1], 0.05F, 1e-6F);
  EXPECT_NEAR(status.output_peak[0], 0.01F, 1e-6F);
  EXPECT_EQ(hosted.processor().view().status().input_peak[0], 0);
}

}  // namespace
}  // namespace lmdm::plugin::test
