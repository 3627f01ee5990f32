#include "live/requests.h"

#include <gtest/gtest.h>

#include "fake_source.h"
#include "host.h"

// What a control thread asks for while music is made.
namespace lmdm::live::test {
namespace {

const LiveOptions offline_alone{InputRole::none, Underrun::silence, 0, true, 0};

Audio silence(std::size_t length, std::size_t channels = 1) {
  return Audio(channels, std::vector<float>(length));
}

TEST(Requests, a_storm_of_them_comes_down_to_the_newest) {
  auto record = std::make_shared<Record>();
  Processor processor(std::make_unique<FakeSource>(format_of(1000, 44100, 1, 0), constant(0), record),
                      {InputRole::none, Underrun::silence, 0.01, false, 0});
  processor.prepare(44100, 1, 512);
  record->hold();
  play(processor, silence(2048), fixed(512));
  record->await_waiting();
  for (int i = 0; i < 20000; ++i) {
    processor.request(PromptRequest{{{"prompt " + std::to_string(i), 1}}});
    processor.request(ControlRequest{i % 2 == 0 ? "even" : "odd", {static_cast<float>(i)}, 1});
  }
  processor.request(ControlRequest{"unknown", {1}, 1});
  for (int i = 0; i < 1000; ++i) processor.request(ControlRequest{"group " + std::to_string(i), {}, 1});
  EXPECT_TRUE(record->requests().empty());
  record->release();
  play(processor, silence(8192), fixed(512),
       [&](std::int64_t done) { await_blocks(processor, static_cast<std::uint64_t>(2048 + done) / 1000); });
  const std::vector<Request> seen = record->requests();
  EXPECT_LE(seen.size(), 256U);
  EXPECT_EQ(std::get<ControlRequest>(seen.back()).group, "group 999");
}

TEST(Requests, keep_their_order_and_their_newest_values) {
  auto record = std::make_shared<Record>();
  Processor processor(std::make_unique<FakeSource>(format_of(1000, 44100, 1, 0), constant(0), record), offline_alone);
  processor.prepare(44100, 1, 512);
  processor.set_playing(false);
  Requests requests;
  requests.post(PromptRequest{{{"first", 1}}});
  requests.post(ControlRequest{"a", {1}, 1});
  requests.post(SketchRequest{{"pitch"}, 3});
  requests.post(ControlRequest{"b", {2}, 1});
  requests.post(ControlRequest{"a", {3}, 1});
  requests.post(PromptRequest{{{"second", 1}}});
  const Requests::Batch batch = requests.take();
  ASSERT_EQ(batch.requests.size(), 4U);
  EXPECT_EQ(std::get<SketchRequest>(batch.requests[0]).kinds.at(0), "pitch");
  EXPECT_EQ(std::get<ControlRequest>(batch.requests[1]).group, "b");
  EXPECT_EQ(std::get<ControlRequest>(batch.requests[2]).values.at(0), 3);
  EXPECT_EQ(std::get<PromptRequest>(batch.requests[3]).mix.at(0).prompt, "second");
  EXPECT_TRUE(requests.take().requests.empty());
}

TEST(Requests, of_tunings_are_one_in_which_the_newer_value_counts) {
  Requests requests;
  requests.post(TuningRequest{{.seed = 1, .steps = 4, .feedback = 0.5}});
  requests.post(StrengthRequest{"pitch", 0.1});
  requests.post(StrengthRequest{"loudness", 0.2});
  requests.post(TuningRequest{{.seed = 2, .guidance_scale = 3, .context_drop = 5}});
  requests.post(StrengthRequest{"pitch", 0.3});
  requests.post(TuningRequest{{.hold_noise = true}});
  const auto batch = requests.take();
  ASSERT_EQ(batch.requests.size(), 3U);
  EXPECT_EQ(std::get<StrengthRequest>(batch.requests[0]).kind, "loudness");
  EXPECT_EQ(std::get<StrengthRequest>(batch.requests[1]).strength, 0.3);
  const Tuning& tuning = std::get<TuningRequest>(batch.requests[2]).tuning;
  EXPECT_EQ(tuning.seed, 2U);
  EXPECT_EQ(tuning.steps, 4);
  EXPECT_EQ(tuning.guidance_scale, 3);
  EXPECT_EQ(tuning.context_drop, 5);
  EXPECT_EQ(tuning.feedback, 0.5);
  EXPECT_EQ(tuning.hold_noise, true);
}

TEST(Requests, that_are_refused_late_are_told_and_stop_nothing) {
  auto record = std::make_shared<Record>();
  Processor processor(std::make_unique<FakeSource>(format_of(1000, 44100, 1, 0), constant(0.5F), record), offline_alone);
  EXPECT_THROW(processor.request(ControlRequest{"unknown", {1}, 1}), Error);
  processor.prepare(44100, 1, 512);
  processor.request(ControlRequest{"unknown", {1}, 1});
  const Audio output = play(processor, silence(8000), fixed(512));
  EXPECT_EQ(processor.failure(), "no control of that name");
  EXPECT_FALSE(processor.metrics().failed);
  EXPECT_EQ(output[0].back(), 0.5F);
}

}  // namespace
}  // namespace lmdm::live::test
