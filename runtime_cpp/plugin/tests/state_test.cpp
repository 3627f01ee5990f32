#include <random>

#include "hosting.h"
#include "parameters/ids.h"
#include "processor/session_state.h"

namespace lmdm::plugin::test {
namespace {

std::string saved(Hosted& hosted) {
  juce::MemoryBlock state;
  hosted.processor().getStateInformation(state);
  return state.toString().toStdString();
}
void restore(Hosted& hosted, const std::string& state) {
  hosted.processor().setStateInformation(state.data(), static_cast<int>(state.size()));
}

TEST(State, is_restored_exactly) {
  Hosted from;
  std::mt19937 engine(3);
  std::uniform_real_distribution<float> anywhere(0, 1);
  for (auto* parameter : from.processor().getParameters()) parameter->setValueNotifyingHost(anywhere(engine));
  from.processor().view().set_prompt(Slot::a, juce::String::fromUTF8("caf\xc3\xa9 <\"jazz\"> & 'brushes'\n"));
  from.processor().view().set_prompt(Slot::b, "");
  const std::string state = saved(from);

  Hosted to;
  restore(to, state);
  EXPECT_EQ(saved(to), state);
  EXPECT_EQ(values_of(to.processor()), values_of(from.processor()));
  EXPECT_EQ(to.processor().view().prompt(Slot::a), juce::String::fromUTF8("caf\xc3\xa9 <\"jazz\"> & 'brushes'\n"));
  EXPECT_EQ(to.processor().view().prompt(Slot::b), "");
}

TEST(State, names_the_instrument_that_was_loaded) {
  Hosted hosted;
  hosted.prepare(44100, 512, true);
  const std::string state = saved(hosted);
  EXPECT_NE(state.find("name=\"fake\""), std::string::npos);
  EXPECT_NE(state.find("manifest=\"0123\""), std::string::npos);
  EXPECT_NE(state.find(hosted.folder().path().string()), std::string::npos);
}

TEST(State, that_is_damaged_changes_nothing) {
  Hosted hosted;
  hosted.set(ids::mix, 0.25F);
  const std::string state = saved(hosted);
  std::mt19937 engine(11);
  std::vector<std::string> hostile{"",
                                   "<",
                                   "<?xml",
                                   std::string(1 << 21, 'x'),
                                   std::string("\0\0\0\0", 4),
                                   "\xff\xfe\xc0",
                                   "<generative_delay/>",
                                   "<generative_delay format=\"1\"/>",
                                   "<!DOCTYPE a [<!ENTITY b \"bb\">]><generative_delay format=\"1\">&b;</generative_delay>"};
  for (const char* format : {"2", "0", "-1", "nan", "1e999", "one", ""}) {
    hostile.push_back(juce::String(state).replace("format=\"1\"", "format=\"" + juce::String(format) + "\"").toStdString());
  }
  for (const char* value : {"nan", "inf", "-1e99", "", "loud", "0x10"}) {
    hostile.push_back(juce::String(state).replace("value=\"0.25\"", "value=\"" + juce::String(value) + "\"").toStdString());
  }
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += "<a>";
  hostile.push_back(deep);
  for (std::size_t length = 0; length + 2 < state.size(); length += 7) hostile.push_back(state.substr(0, length));
  for (const std::string& each : hostile) {
    ASSERT_NE(each, state);
    restore(hosted, each);
    ASSERT_EQ(saved(hosted), state) << each.substr(0, 200);
  }
  hosted.processor().setStateInformation(nullptr, 100);
  hosted.processor().setStateInformation(state.data(), -1);
  EXPECT_EQ(saved(hosted), state);
}

TEST(State, with_damaged_bytes_never_ends_the_host) {
  Hosted hosted;
  const std::string state = saved(hosted);
  std::mt19937 engine(5);
  for (int i = 0; i < 3000; ++i) {
    std::string damaged = state;
    for (int k = 0; k < 1 + i % 4; ++k) damaged[engine() % damaged.size()] = static_cast<char>(engine());
    restore(hosted, damaged);
    for (const auto* parameter : hosted.processor().getParameters()) {
      ASSERT_TRUE(parameter->getValue() >= 0 && parameter->getValue() <= 1);
    }
  }
  restore(hosted, state);
  EXPECT_EQ(saved(hosted), state);
}

TEST(State, of_values_out_of_range_or_missing_or_unknown_is_understood) {
  Hosted hosted;
  hosted.set(ids::seed, 77);
  restore(hosted, R"(<generative_delay format="1"><instrument/><prompts a="x" b="y"/><parameter id="mix" value="7"/>)"
                  R"(<parameter id="of_tomorrow" value="1"/></generative_delay>)");
  EXPECT_EQ(hosted.get(ids::mix), 1);
  EXPECT_EQ(hosted.get(ids::seed), 0);
  EXPECT_EQ(hosted.processor().view().prompt(Slot::a), "x");
}

TEST(State, with_an_instrument_that_was_moved_is_explained_and_kept) {
  Hosted from;
  from.prepare(44100, 512, true);
  const std::string state = saved(from);
  std::filesystem::remove_all(from.folder().path() / "fake");

  Hosted to;
  restore(to, state);
  to.prepare(44100, 512, true);
  const Status status = to.processor().view().status();
  EXPECT_EQ(status.condition, Condition::no_bundle);
  EXPECT_NE(status.sentence.find("fake"), std::string::npos) << status.sentence;
  EXPECT_NE(status.sentence.find("choose"), std::string::npos) << status.sentence;
  EXPECT_EQ(to.processor().getLatencySamples(), 0);
  const Audio audio = to.play(impulse(2000, 100), 512);
  EXPECT_EQ(heard(audio[0]), (std::vector<std::size_t>{100}));
  EXPECT_EQ(saved(to), state);
}

TEST(State, names_the_instrument_that_was_found_without_its_help) {
  Hosted hosted;
  const std::string found = (hosted.folder().path() / "fake").string();
  ASSERT_EQ(setenv("LMDM_BUNDLE", found.c_str(), 1), 0);
  restore(hosted, R"(<generative_delay format="1"><instrument/><prompts a="x" b="y"/></generative_delay>)");
  hosted.prepare(44100, 512, true);
  unsetenv("LMDM_BUNDLE");
  const std::string state = saved(hosted);
  EXPECT_NE(state.find("folder=\"" + found + "\""), std::string::npos) << state;
  // It is the same instrument, which plays on.
  restore(hosted, state);
  hosted.play(silence(512), 512);
  EXPECT_EQ(hosted.record->built, 1);
}

TEST(State, of_an_instrument_that_has_changed_says_so) {
  Hosted hosted;
  hosted.prepare(44100, 512, true);
  EXPECT_EQ(hosted.processor().view().status().sentence, "");
  const std::string state = juce::String(saved(hosted)).replace("manifest=\"0123\"", "manifest=\"4567\"").toStdString();
  restore(hosted, state);
  hosted.prepare(48000, 512, true);
  EXPECT_NE(hosted.processor().view().status().sentence.find("has changed"), std::string::npos);
}

}  // namespace
}  // namespace lmdm::plugin::test
