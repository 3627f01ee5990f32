#include <gtest/gtest.h>
#include <juce_audio_processors/juce_audio_processors.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "processor/plugin_processor.h"

namespace lmdm::plugin {
namespace {

const juce::RangedAudioParameter& ranged(const juce::AudioProcessorParameter* parameter) {
  return dynamic_cast<const juce::RangedAudioParameter&>(*parameter);
}

/// The list that sessions of musicians rely on: a test that fails here is a session that is lost.
TEST(Parameters, keep_their_identifiers_and_their_order) {
  const juce::ScopedJuceInitialiser_GUI juce;
  const PluginProcessor processor;
  std::vector<std::string> found;
  for (const auto* parameter : processor.getParameters()) found.push_back(ranged(parameter).paramID.toStdString());
  const std::vector<std::string> expected{"input_gain",   "output_gain", "mix",      "pitch",    "loudness", "crossfade",
                                          "context_drop", "feedback",    "steps",    "guidance", "seed",     "freeze",
                                          "monitor",      "layout",      "headroom", "underrun", "bypass"};
  EXPECT_EQ(found, expected);
}

TEST(Parameters, begin_where_the_music_is_the_papers) {
  const juce::ScopedJuceInitialiser_GUI juce;
  const PluginProcessor processor;
  const std::map<std::string, std::string> texts{
      {"input_gain", "0.0"},   {"output_gain", "0.0"},   {"mix", "50.0"},        {"pitch", "100.0"},  {"loudness", "100.0"},
      {"crossfade", "0.0"},    {"context_drop", "70.0"}, {"feedback", "100.0"},  {"steps", "bundle"}, {"guidance", "bundle"},
      {"seed", "0"},           {"freeze", "Off"},        {"monitor", "Aligned"}, {"layout", "0"},     {"headroom", "Auto"},
      {"underrun", "Silence"}, {"bypass", "Off"}};
  for (const auto* parameter : processor.getParameters()) {
    EXPECT_EQ(parameter->getCurrentValueAsText().toStdString(), texts.at(ranged(parameter).paramID.toStdString()));
  }
}

TEST(Parameters, read_their_own_texts) {
  const juce::ScopedJuceInitialiser_GUI juce;
  const PluginProcessor processor;
  for (const auto* parameter : processor.getParameters()) {
    const auto& range = ranged(parameter);
    for (int i = 0; i <= 50; ++i) {
      const float value = range.convertTo0to1(range.convertFrom0to1(static_cast<float>(i) / 50));
      const juce::String text = parameter->getText(value, 64);
      // The text is rounded more than the value is: once read it no longer changes.
      const float read = parameter->getValueForText(text);
      EXPECT_NEAR(read, value, 0.006F) << range.paramID << " at " << text;
      EXPECT_EQ(parameter->getText(read, 64), text) << range.paramID;
    }
  }
}

TEST(Parameters, read_what_people_type) {
  const juce::ScopedJuceInitialiser_GUI juce;
  const PluginProcessor processor;
  const auto typed = [&](const char* id, const char* text) {
    for (const auto* parameter : processor.getParameters()) {
      if (ranged(parameter).paramID == id) return ranged(parameter).convertFrom0to1(parameter->getValueForText(text));
    }
    throw std::invalid_argument(id);
  };
  EXPECT_FLOAT_EQ(typed("input_gain", "-6 dB"), -6);
  EXPECT_FLOAT_EQ(typed("input_gain", " -6,5"), -6.5F);
  EXPECT_FLOAT_EQ(typed("input_gain", "900"), 12);
  EXPECT_FLOAT_EQ(typed("mix", "25 %"), 0.25F);
  EXPECT_FLOAT_EQ(typed("mix", "nan"), 0);
  EXPECT_FLOAT_EQ(typed("steps", "Bundle"), 0);
  EXPECT_FLOAT_EQ(typed("steps", "8 steps"), 8);
  EXPECT_FLOAT_EQ(typed("steps", "1e30"), 16);
  EXPECT_FLOAT_EQ(typed("guidance", "2.5"), 2.5F);
  EXPECT_EQ(typed("guidance", "Bundle"), 0);
  EXPECT_FLOAT_EQ(typed("seed", "1234"), 1234);
}

TEST(Parameters, that_rebuild_the_engine_or_move_the_latency_are_not_automated) {
  const juce::ScopedJuceInitialiser_GUI juce;
  const PluginProcessor processor;
  std::vector<std::string> found;
  for (const auto* parameter : processor.getParameters()) {
    if (!parameter->isAutomatable()) found.push_back(ranged(parameter).paramID.toStdString());
  }
  EXPECT_EQ(found, (std::vector<std::string>{"steps", "monitor", "layout", "headroom", "underrun"}));
}

}  // namespace
}  // namespace lmdm::plugin
