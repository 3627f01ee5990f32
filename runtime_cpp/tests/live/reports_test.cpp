#include "live/reports.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "fake_source.h"
#include "host.h"
#include "live/margin.h"

namespace lmdm::live::test {
namespace {

constexpr std::size_t block = 1000;
const LiveOptions reporting{InputRole::sketch, Underrun::silence, 0, true, 0, true};

TEST(Reports, say_when_the_answer_to_a_block_of_input_sounds) {
  for (const std::size_t delay : {0, 300}) {
    for (const std::int64_t start : {std::int64_t{0}, std::int64_t{5000}}) {
      SourceFormat format = format_of(block, 44100, 1);
      format.delay = delay;
      Processor processor(echo(format), reporting);
      processor.prepare(44100, 1, 512, start);
      const Audio input{noise(20000, 1)};
      const Audio output = play(processor, input, fixed(100));
      const std::vector<BlockReport> reports = processor.take_reports();
      ASSERT_GE(reports.size(), 10U);
      for (std::size_t k = 0; k < reports.size(); ++k) {
        EXPECT_EQ(reports[k].begin, processor.latency_samples() + static_cast<std::int64_t>(k * block));
        EXPECT_EQ(reports[k].end, reports[k].begin + static_cast<std::int64_t>(block));
        EXPECT_EQ(reports[k].frames, 1U);
        EXPECT_EQ(reports[k].controls.at("block").at(0), static_cast<float>(k));
        const auto heard = static_cast<std::size_t>(reports[k].begin);
        if (heard + block > output[0].size()) continue;
        EXPECT_TRUE(std::equal(output[0].begin() + static_cast<std::ptrdiff_t>(heard),
                               output[0].begin() + static_cast<std::ptrdiff_t>(heard + block),
                               input[0].begin() + static_cast<std::ptrdiff_t>(k * block)));
      }
      EXPECT_TRUE(processor.take_reports().empty()) << "each is given once";
    }
  }
}

TEST(Reports, follow_each_other_without_a_hole_at_another_rate) {
  Processor processor(echo(format_of(block, 44100, 1)), reporting);
  processor.prepare(48000, 1, 512);
  play(processor, Audio{noise(40000, 1)}, fixed(100));
  const std::vector<BlockReport> reports = processor.take_reports();
  ASSERT_GE(reports.size(), 20U);
  for (std::size_t k = 0; k < reports.size(); ++k) {
    const auto begin = static_cast<std::int64_t>((k * block * 160 + 146) / 147);
    EXPECT_EQ(reports[k].begin, processor.latency_samples() + begin) << k;
    EXPECT_EQ(reports[k].begin, k == 0 ? reports[k].begin : reports[k - 1].end) << k;
  }
}

TEST(Reports, are_none_where_nobody_asked) {
  Processor processor(echo(format_of(block, 44100, 1)), {InputRole::sketch, Underrun::silence, 0, true, 0});
  processor.prepare(44100, 1, 512);
  play(processor, Audio{noise(20000, 1)}, fixed(100));
  EXPECT_GT(processor.metrics().blocks, 0U);
  EXPECT_TRUE(processor.take_reports().empty());
}

TEST(Reports, are_the_newest_64_at_most_and_of_this_prepare) {
  Processor processor(echo(format_of(block, 44100, 1)), reporting);
  processor.prepare(44100, 1, 512);
  play(processor, Audio{noise(100000, 1)}, fixed(500));
  const std::uint64_t made = processor.metrics().blocks;
  const std::vector<BlockReport> reports = processor.take_reports();
  ASSERT_EQ(reports.size(), Reports::most);
  for (std::size_t k = 0; k < reports.size(); ++k)
    EXPECT_EQ(reports[k].controls.at("block").at(0), static_cast<float>(made - Reports::most + k));
  play(processor, Audio{noise(3000, 1)}, fixed(500));
  processor.prepare(44100, 1, 512);
  EXPECT_TRUE(processor.take_reports().empty());
}

TEST(Reports, in_real_time_lack_the_blocks_that_were_dropped) {
  auto record = std::make_shared<Record>();
  LiveOptions options{InputRole::sketch, Underrun::silence, 0.01, false, 0, true};
  Processor processor(echo(format_of(block, 44100, 1), record), options);
  processor.prepare(44100, 1, 100);
  play(processor, Audio{noise(60000, 1)}, fixed(100), [&](std::int64_t done) {
    if (done == 19000) record->hold();
    if (done == 40000) record->release();
    if (done < 19000 || done >= 40000) await_blocks(processor, static_cast<std::uint64_t>(done) / block);
  });
  const LiveMetrics metrics = processor.metrics();
  ASSERT_GT(metrics.dropped_blocks, 0U);
  const std::vector<BlockReport> reports = processor.take_reports();
  EXPECT_EQ(reports.size(), metrics.blocks);
  const auto holes = std::ranges::adjacent_find(reports, [](const auto& a, const auto& b) { return a.end != b.begin; });
  EXPECT_NE(holes, reports.end());
}

TEST(Margin, lies_on_a_grid_and_is_at_most_a_block) {
  EXPECT_DOUBLE_EQ(allowed_margin(0.001, 1), 0.02);
  EXPECT_DOUBLE_EQ(allowed_margin(0.0399, 1), 0.04);
  EXPECT_DOUBLE_EQ(allowed_margin(0.0401, 1), 0.06);
  EXPECT_DOUBLE_EQ(allowed_margin(0.31, 0.372), 0.32);
  EXPECT_DOUBLE_EQ(allowed_margin(0.365, 0.372), 0.372);
  EXPECT_DOUBLE_EQ(allowed_margin(7, 0.372), 0.372);
}

TEST(Margin, that_is_measured_holds_four_of_the_slowest_block) {
  FakeSource source(format_of(44100), [](std::int64_t index, std::span<const float>, std::span<float> audio) {
    if (index == 2) std::this_thread::sleep_for(std::chrono::milliseconds(30));
    std::ranges::fill(audio, 0.0F);
  });
  // A busy machine only makes it longer.
  EXPECT_GE(measured_margin(source), 0.14);
}

TEST(Margin, that_is_measured_is_the_same_for_sources_that_are_nearly_as_fast) {
  const auto latency = [] {
    Processor processor(std::make_unique<FakeSource>(format_of(44100, 44100, 1, 0), constant(0)), {InputRole::none, {}, 0, false, 0});
    processor.prepare(44100, 1, 512);
    return processor.latency_samples();
  };
  // The margin is a whole number of grid steps, whatever this machine takes for a block of silence.
  EXPECT_EQ((latency() - 44100 - 221 - 512) % 882, 0);
}

}  // namespace
}  // namespace lmdm::live::test
