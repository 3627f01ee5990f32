#include "editor_fake.h"

#include <array>
#include <cmath>
#include <cstdlib>
#include <numbers>

#include "view/spectrum.h"

namespace lmdm::plugin::test {
namespace {

constexpr int rate = 44100;
constexpr int frame = 2048;
constexpr int bins = 72;
constexpr double lowest_hertz = 65.406;
constexpr double beat = 0.3;
constexpr std::array<int, 16> tune{12, 24, 31, 34, 36, 34, 31, 24, 8, 20, 27, 32, 36, 39, 36, 27};

double hertz_of(int bin) {
  return lowest_hertz * std::pow(2, bin / 12.0);
}

int note_at(double seconds) {
  return tune[static_cast<std::size_t>(seconds / beat) % tune.size()];
}

double envelope_at(double seconds) {
  const double swell = 0.65 + 0.35 * std::sin(2 * std::numbers::pi * seconds / 7);
  return swell * std::exp(-2.2 * std::fmod(seconds, beat) / beat);
}

}  // namespace

std::string name_of(Scene scene) {
  constexpr std::array<const char*, 8> names{"no-bundle", "loading", "ready", "frozen", "overloaded", "failed", "rebuilding", "poor"};
  return names[static_cast<std::size_t>(scene)];
}

bool plays(Scene scene) {
  return scene != Scene::no_bundle && scene != Scene::loading;
}

Status status_of(Scene scene) {
  Status status;
  status.sample_rate = 48000;
  if (scene == Scene::no_bundle) {
    status.sentence = "No instrument was found; choose the folder of a bundle, or put one into ~/.local/share/lmdm/instruments.";
    return status;
  }
  status.bundle = "/instruments/default";
  status.instrument = "Default instrument";
  status.layouts = {0.372, 0.186};
  status.has_pitch = status.has_loudness = status.has_guidance = true;
  for (int bin = 0; bin < bins; ++bin) status.pitch_hertz.push_back(hertz_of(bin));
  status.condition = Condition::loading;
  if (scene == Scene::loading) {
    status.progress = 0.42;
    status.sentence = "Reading the weights of Default instrument.";
    return status;
  }
  status.condition = Condition::ready;
  status.latency_seconds = 0.612;
  status.metrics.blocks = 812;
  status.metrics.block_seconds = 0.372;
  status.metrics.block_ms = 141;
  status.metrics.worst_block_ms = 203;
  status.input_peak = {0.21F, 0.17F};
  status.output_peak = {0.62F, 0.55F};
  if (scene == Scene::frozen) status.frozen = true;
  if (scene == Scene::overloaded) {
    status.condition = Condition::overloaded;
    status.sentence = "Blocks take longer than they last: choose fewer steps, more headroom or a shorter block, or close other programs.";
    status.metrics.block_ms = 398;
    status.metrics.worst_block_ms = 455;
    status.metrics.underruns = 12;
    status.metrics.dropped_blocks = 3;
  }
  if (scene == Scene::failed) {
    status.condition = Condition::failed;
    status.sentence =
        "The graph cached_decoder failed: the bundle at /instruments/default gave values that are not finite; start again, or export it "
        "anew.";
  }
  if (scene == Scene::rebuilding) {
    status.condition = Condition::loading;
    status.progress = 0.7;
    status.sentence = "Preparing blocks of 186 ms; the music plays on meanwhile.";
  }
  if (scene == Scene::poor) {
    status.has_pitch = status.has_loudness = status.has_guidance = false;
    status.layouts = {0.372};
    status.pitch_hertz.clear();
  }
  return status;
}

std::vector<SketchColumn> tune_sketch() {
  std::vector<SketchColumn> columns;
  for (double seconds = 0; seconds < tune_now + 0.6; seconds += static_cast<double>(frame) / rate) {
    SketchColumn column{seconds, std::vector<float>(bins), static_cast<float>(0.15 + 0.8 * envelope_at(seconds))};
    const auto strength = static_cast<float>(0.3 + 0.7 * envelope_at(seconds));
    column.pitch[static_cast<std::size_t>(note_at(seconds))] = strength;
    column.pitch[static_cast<std::size_t>(note_at(seconds) + 12)] = 0.5F * strength;
    column.pitch[static_cast<std::size_t>(note_at(seconds - std::fmod(seconds, 8 * beat)))] = 0.4F;
    columns.push_back(column);
  }
  return columns;
}

namespace {

std::vector<SpectrumColumn> play_tune() {
  std::vector<float> audio(static_cast<std::size_t>(tune_now * rate));
  std::uint32_t noise = 1;
  double phase = 0;
  for (std::size_t i = 0; i < audio.size(); ++i) {
    const double seconds = static_cast<double>(i) / rate;
    phase += 2 * std::numbers::pi * hertz_of(note_at(seconds)) / rate;
    noise = noise * 1664525U + 1013904223U;
    const double hat = std::exp(-30 * std::fmod(seconds, beat / 2)) * (static_cast<double>(noise >> 8) / (1U << 23) - 1) * 0.15;
    double sum = hat;
    for (int partial = 1; partial <= 12; ++partial) sum += 0.3 * envelope_at(seconds) / partial * std::sin(partial * phase);
    audio[i] = static_cast<float>(sum);
  }
  std::vector<SpectrumColumn> columns;
  Spectrum spectrum(rate);
  spectrum.restart(0);
  spectrum.push(audio, columns);
  return columns;
}

}  // namespace

std::vector<SpectrumColumn> tune_spectrum() {
  static const std::vector<SpectrumColumn> played = play_tune();
  return played;
}

Stage::NoDisplay::NoDisplay() {
#if JUCE_LINUX
  setenv("DISPLAY", "none", 1);
#endif
}

Stage::Stage(Scene scene, int width, int height) {
  view.shown = status_of(scene);
  if (plays(scene)) {
    if (view.shown.has_pitch) view.sketch = tune_sketch();
    view.spectrum = tune_spectrum();
    view.heard = tune_now;
  }
  editor = std::make_unique<EditorWindow>(processor, view);
  editor->setSize(width, height);
  show(view.shown);
}

void Stage::show(const Status& status) {
  view.shown = status;
  editor->refresh(0);
}

juce::Image Stage::picture() {
  return editor->createComponentSnapshot(editor->getLocalBounds());
}

}  // namespace lmdm::plugin::test
