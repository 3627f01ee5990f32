#include <gtest/gtest.h>

#include "fake_source.h"
#include "host.h"

// A frozen processor hears its newest block again, and comes back in step.
namespace lmdm::live::test {
namespace {

constexpr std::size_t block = 1000;
const LiveOptions offline{InputRole::sketch, Underrun::silence, 0, true, 0};

class Frozen : public testing::TestWithParam<int> {
 protected:
  Frozen() : record_(std::make_shared<Record>()), input_{noise(40000, 5)}, processor_(echo(format_of(block, 44100, 1), record_), offline) {}

  /// Plays all of the input, frozen from one host position to another.
  Audio play_frozen(std::int64_t from, std::int64_t to) {
    return play(processor_, input_, fixed(GetParam()), [=, this](std::int64_t done) {
      if (done == from) processor_.set_frozen(true);
      if (done == to) processor_.set_frozen(false);
    });
  }

  std::shared_ptr<Record> record_;
  Audio input_;
  Processor processor_;
};

TEST_P(Frozen, the_newest_block_is_heard_again_and_then_the_host_in_step) {
  processor_.prepare(44100, 1, GetParam());
  const Audio output = play_frozen(12000, 24000);
  const auto latency = static_cast<std::size_t>(processor_.latency_samples());
  // The block after the change is the first that hears what came before it: it began to be asked for a fade before it sounds.
  const std::size_t fade = latency - block;
  const std::size_t frozen = (12000 - latency + fade + block - 1) / block, free = (24000 - latency + fade + block - 1) / block;
  for (std::size_t i = 0; i + latency < 40000; ++i) {
    const std::size_t number = i / block, heard = number >= frozen && number < free ? (frozen - 1) * block + i % block : i;
    ASSERT_EQ(output[0][i + latency], input_[0][heard]) << "block " << number;
  }
  EXPECT_FALSE(record_->frozen);
}

TEST_P(Frozen, before_the_first_block_there_is_nothing_to_hear_again) {
  processor_.set_frozen(true);
  processor_.prepare(44100, 1, GetParam());
  const Audio output = play_frozen(-1, -1);
  const auto latency = static_cast<std::size_t>(processor_.latency_samples());
  for (std::size_t i = 0; i + latency < 40000; ++i) ASSERT_EQ(output[0][i + latency], input_[0][i % block]) << i;
  EXPECT_TRUE(record_->frozen);
}

TEST_P(Frozen, the_source_is_told_again_after_another_prepare) {
  processor_.set_frozen(true);
  processor_.prepare(44100, 1, GetParam());
  play_frozen(-1, -1);
  ASSERT_TRUE(record_->frozen);
  processor_.set_frozen(false);
  processor_.prepare(44100, 1, GetParam());
  play_frozen(-1, -1);
  EXPECT_FALSE(record_->frozen);
}

INSTANTIATE_TEST_SUITE_P(Calls, Frozen, testing::Values(1, 16, 100, 4000), testing::PrintToStringParamName());

}  // namespace
}  // namespace lmdm::live::test
