#include "hosting.h"
#include "parameters/ids.h"

namespace lmdm::plugin::test {
namespace {

constexpr int rate = 44100, block = 441;

float largest_jump(const std::vector<float>& samples) {
  float largest = 0;
  for (std::size_t i = 1; i < samples.size(); ++i) largest = std::max(largest, std::abs(samples[i] - samples[i - 1]));
  return largest;
}

/// Real time, with an engine of a sound of its own that is heard.
class Swap : public testing::Test {
 protected:
  Swap() {
    hosted.record->latency = 2000;
    hosted.record->sound = 0.5F;
    hosted.prepare(rate, block, false);
    hosted.await_engine(1);
    // Long enough to fill the engine and to fade to it.
    before = hosted.play(silence(block * 10), block);
  }
  void change_to(float sound, int latency) {
    hosted.record->sound = sound;
    hosted.record->latency = latency;
    hosted.set(ids::layout, hosted.get(ids::layout) + 1);
    const int built = hosted.record->built;
    await([&] { return hosted.record->built > built; });
    await([&] { return hosted.processor().view().status().condition == Condition::ready; });
  }

  Hosted hosted;
  Audio before;
};

TEST_F(Swap, to_another_engine_is_a_fade_without_a_hole) {
  hosted.set(ids::mix, 1);
  hosted.play(silence(block * 4), block);
  change_to(-0.5F, 3000);
  const std::vector<float> sound = hosted.play(silence(block * 14), block)[0];
  const auto begun = std::ranges::find_if(sound, [](float x) { return std::abs(x - 0.5F) > 1e-6F; }) - sound.begin();
  // The old one sounds for as long as the new one takes to have something to say.
  EXPECT_EQ(begun / block, (3000 + block - 1) / block);
  EXPECT_EQ(sound.back(), -0.5F);
  EXPECT_LT(largest_jump(sound), 0.003F);
  EXPECT_GT(largest_jump(sound), 0.0001F);
}

TEST_F(Swap, gives_the_old_engine_back_to_be_destroyed) {
  change_to(0.25F, 1000);
  EXPECT_EQ(hosted.record->destroyed, 0);
  hosted.play(silence(block * 10), block);
  await([&] { return hosted.record->destroyed == 1; });
}

TEST_F(Swap, of_many_while_the_first_still_plays_leaves_the_newest) {
  for (int i = 0; i < 5; ++i) {
    change_to(0.1F * static_cast<float>(i), 1000);
    hosted.play(silence(block), block);
  }
  hosted.set(ids::mix, 1);
  const Audio sound = hosted.play(silence(block * 10), block);
  EXPECT_FLOAT_EQ(sound[0].back(), 0.4F);
  await([&] { return hosted.record->destroyed == 5; });
}

TEST_F(Swap, to_an_engine_of_the_same_latency_does_not_touch_the_dry_signal) {
  hosted.set(ids::mix, 0);
  Audio ones(2, std::vector<float>(block * 10, 0.5F));
  hosted.play(ones, block);
  change_to(0.25F, 2000);
  const Audio sound = hosted.play(ones, block);
  for (const float sample : sound[0]) ASSERT_NEAR(sample, 0.5F, 1e-6F);
}

TEST_F(Swap, of_an_instrument_that_cannot_be_loaded_leaves_the_old_one_playing) {
  hosted.set(ids::mix, 1);
  hosted.choose(hosted.folder().path() / "nowhere");
  await([&] { return hosted.processor().view().status().condition == Condition::no_bundle; });
  EXPECT_FLOAT_EQ(hosted.play(silence(block * 20), block)[0].back(), 0.5F);
}

TEST(FirstEngine, is_faded_to_from_the_input_that_is_not_delayed) {
  Hosted hosted;
  hosted.record->hold(true);
  hosted.record->latency = 2000;
  hosted.set(ids::mix, 0);
  hosted.prepare(rate, block, false);
  EXPECT_EQ(hosted.processor().getLatencySamples(), 0);
  Audio ones(2, std::vector<float>(block * 10, 0.5F));
  Audio sound = hosted.play(ones, block);
  EXPECT_EQ(std::ranges::count(sound[0], 0.5F), block * 10);
  EXPECT_EQ(hosted.processor().view().status().condition, Condition::loading);

  hosted.record->hold(false);
  hosted.await_engine(1);
  sound = hosted.play(ones, block);
  EXPECT_LT(largest_jump(sound[0]), 0.003F);
  EXPECT_FLOAT_EQ(sound[0].back(), 0.5F);
  hosted.dispatch_messages();
  EXPECT_EQ(hosted.processor().getLatencySamples(), 2000);
}

TEST(Rendering, host_that_turns_to_real_time_is_never_kept_waiting) {
  Hosted hosted;
  hosted.record->sound = 0.5F;
  hosted.set(ids::mix, 1);
  hosted.prepare(rate, block, true);
  EXPECT_FLOAT_EQ(hosted.play(silence(block * 10), block)[0].back(), 0.5F);
  hosted.record->hold(true);
  hosted.processor().setNonRealtime(false);
  // The engine that waits for its music is gone at once, and nothing is there yet in its place.
  EXPECT_EQ(hosted.play(silence(block), block)[0].front(), 0);
  hosted.record->hold(false);
  hosted.await_engine(2);
  EXPECT_FALSE(hosted.record->spec().offline);
  EXPECT_FLOAT_EQ(hosted.play(silence(block * 10), block)[0].back(), 0.5F);
}

}  // namespace
}  // namespace lmdm::plugin::test
