#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "fake_music.h"
#include "processor/plugin_processor.h"

namespace lmdm::plugin::test {

using Audio = std::vector<std::vector<float>>;  ///< by channel

/// A folder that is removed in the end.
class Folder {
 public:
  Folder() : path_(std::filesystem::temp_directory_path() / juce::Uuid().toString().toStdString()) {
    std::filesystem::create_directories(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  /// As much of a manifest as the search for layouts reads.
  std::filesystem::path add_bundle(const std::string& name, int block = 8, const std::string& checkpoint = "abc") const {
    const std::filesystem::path folder = path_ / name;
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "manifest.json") << R"({"model": {"block": )" << block
                                            << R"(}, "codec": {"frame_size": 2048, "sample_rate": 44100}, "checkpoint": {"sha256": ")"
                                            << checkpoint << R"("}, "controls": []})";
    return folder;
  }

 private:
  std::filesystem::path path_;
};

/// Waits for another thread. Not a deadline: it only ends a test that hangs.
inline void await(const std::function<bool()>& arrived) {
  const auto start = std::chrono::steady_clock::now();
  while (!arrived()) {
    if (std::chrono::steady_clock::now() - start > std::chrono::minutes(1)) throw std::runtime_error("what is waited for never comes");
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

/// A processor with fake engines, in a host.
class Hosted {
 public:
  Hosted() : bundle_(folder_.add_bundle("fake")), processor_(std::make_unique<PluginProcessor>(std::make_unique<FakeBuilder>(record))) {
    processor().setPlayHead(nullptr);
    choose(bundle_);
  }

  [[nodiscard]] PluginProcessor& processor() { return *processor_; }
  [[nodiscard]] const Folder& folder() const { return folder_; }
  void remove() { processor_.reset(); }

  void choose(const std::filesystem::path& bundle) { processor().view().choose_bundle(juce::File(bundle.string())); }
  void set(const char* id, float value) {
    auto* const parameter = processor().view().parameters().getParameter(id);
    parameter->setValueNotifyingHost(parameter->convertTo0to1(value));
  }
  [[nodiscard]] float get(const char* id) { return processor().view().parameters().getRawParameterValue(id)->load(); }

  void prepare(double rate, int block, bool offline, int channels = 2) {
    juce::AudioProcessor::BusesLayout layout = processor().getBusesLayout();
    const auto set = channels == 1 ? juce::AudioChannelSet::mono() : juce::AudioChannelSet::stereo();
    layout.inputBuses.getReference(0) = set;
    layout.outputBuses.getReference(0) = set;
    if (!processor().setBusesLayout(layout)) throw std::runtime_error("the layout is refused");
    processor().setNonRealtime(offline);
    processor().setRateAndBufferSizeDetails(rate, block);
    processor().prepareToPlay(rate, block);
  }

  /// Processes all of the input in calls of `block` frames, with MIDI in the first.
  Audio play(Audio audio, int block, juce::MidiBuffer midi = {}) {
    for (std::size_t done = 0, all = audio.front().size(); done < all;) {
      const auto frames = std::min(static_cast<std::size_t>(block), all - done);
      std::vector<float*> planes;
      for (auto& channel : audio) planes.push_back(channel.data() + done);
      juce::AudioBuffer<float> buffer(planes.data(), static_cast<int>(planes.size()), static_cast<int>(frames));
      processor().processBlock(buffer, midi);
      midi.clear();
      done += frames;
    }
    return audio;
  }

  /// Lets the message thread, which is this one, do what it was asked for. Once a test: JUCE's loop ends for good.
  void dispatch_messages() {
    juce::MessageManager::callAsync([] { juce::MessageManager::getInstance()->stopDispatchLoop(); });
    juce::MessageManager::getInstance()->runDispatchLoop();
  }

  /// Real time: until an engine has been built and is what is heard.
  void await_engine(int built) {
    await([&] { return record->built >= built; });
    await([&] { return processor().view().status().condition == Condition::ready; });
  }

  std::shared_ptr<FakeRecord> record = std::make_shared<FakeRecord>();

 private:
  juce::ScopedJuceInitialiser_GUI juce_;
  Folder folder_;
  std::filesystem::path bundle_;
  std::unique_ptr<PluginProcessor> processor_;
};

inline Audio silence(std::size_t frames, int channels = 2) {
  return Audio(static_cast<std::size_t>(channels), std::vector<float>(frames));
}
inline Audio impulse(std::size_t frames, std::size_t at, int channels = 2) {
  Audio audio = silence(frames, channels);
  for (auto& channel : audio) channel[at] = 1;
  return audio;
}
/// Positions of samples that are not silent.
inline std::vector<std::size_t> heard(const std::vector<float>& samples) {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (std::abs(samples[i]) > 1e-6F) found.push_back(i);
  }
  return found;
}

}  // namespace lmdm::plugin::test
