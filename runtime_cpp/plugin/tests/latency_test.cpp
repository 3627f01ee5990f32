#include <cmath>

#include "hosting.h"
#include "parameters/ids.h"

namespace lmdm::plugin::test {
namespace {

using Positions = std::vector<std::size_t>;

struct Host {
  double rate;
  int block, channels;
  bool offline;
};

class Latency : public testing::TestWithParam<Host> {
 protected:
  void begin(const char* id = ids::mix, float value = 0.5F) {
    hosted.record->latency = 4321;
    hosted.set(id, value);
    hosted.prepare(GetParam().rate, GetParam().block, GetParam().offline, GetParam().channels);
    if (GetParam().offline) return;
    hosted.await_engine(1);
    // Until what was not delayed has given way.
    hosted.play(silence(20000, GetParam().channels), GetParam().block);
    hosted.prepare(GetParam().rate, GetParam().block, false, GetParam().channels);
  }
  Audio answer_to_impulse() { return hosted.play(impulse(12000, 777, GetParam().channels), GetParam().block); }

  Hosted hosted;
};

TEST_P(Latency, of_dry_and_wet_is_what_the_host_is_told) {
  begin();
  ASSERT_EQ(hosted.processor().getLatencySamples(), 4321);
  for (const auto& channel : answer_to_impulse()) {
    EXPECT_EQ(heard(channel), (Positions{777 + 4321}));
    // Dry and wet are the same here, at equal power.
    EXPECT_NEAR(channel[777 + 4321], std::sqrt(2.0F), 1e-5F);
  }
}

TEST_P(Latency, is_none_where_dry_is_heard_at_once_and_the_music_comes_later) {
  begin(ids::monitor, 1);
  ASSERT_EQ(hosted.processor().getLatencySamples(), 0);
  for (const auto& channel : answer_to_impulse()) EXPECT_EQ(heard(channel), (Positions{777, 777 + 4321}));
}

TEST_P(Latency, stays_where_the_plugin_is_bypassed) {
  begin(ids::bypass, 1);
  hosted.set(ids::input_gain, -20);
  ASSERT_EQ(hosted.processor().getLatencySamples(), 4321);
  for (const auto& channel : answer_to_impulse()) {
    EXPECT_EQ(heard(channel), (Positions{777 + 4321}));
    EXPECT_EQ(channel[777 + 4321], 1);
  }
}

TEST_P(Latency, stays_where_the_host_bypasses) {
  begin();
  Audio audio = impulse(12000, 777, GetParam().channels);
  std::vector<float*> planes;
  for (auto& channel : audio) planes.push_back(channel.data());
  juce::AudioBuffer<float> buffer(planes.data(), GetParam().channels, 12000);
  juce::MidiBuffer midi;
  hosted.processor().processBlockBypassed(buffer, midi);
  EXPECT_EQ(heard(audio[0]), (Positions{777 + 4321}));
}

INSTANTIATE_TEST_SUITE_P(Hosts, Latency,
                         testing::Values(Host{44100, 512, 2, true}, Host{48000, 441, 2, true}, Host{96000, 1, 1, true},
                                         Host{44100, 8192, 1, true}, Host{44100, 480, 2, false}, Host{48000, 333, 1, false},
                                         Host{96000, 2048, 2, false}));

}  // namespace
}  // namespace lmdm::plugin::test
