#include "run/performance.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iostream>
#include <nlohmann/json.hpp>
#include <utility>

#include "lmdm/error.h"
#include "run/audio_file.h"
#include "run/joining.h"
#include "run/progress.h"
#include "run/prompt_script.h"

namespace lmdm::run {
namespace {

/// What the files say of the music, and the longest of them in samples.
struct Inputs {
  std::size_t longest = 0;
  nlohmann::json controls = nlohmann::json::object();
};

Inputs feed(Generator& generator, const Request& request) {
  const Manifest& manifest = generator.manifest();
  const auto channels = static_cast<std::size_t>(generator.channels());
  Inputs inputs;
  if (request.sketch) {
    const auto kinds = sketch_kinds(request, manifest);
    generator.choose_sketch(kinds, request.smoothing);
    const auto audio = read_audio(*request.sketch, generator.sample_rate(), generator.channels());
    generator.feed_sketch(audio);
    inputs.longest = audio.size() / channels;
    const int smoothing = request.smoothing.value_or(manifest.sketch ? manifest.sketch->median : 1);
    inputs.controls["sketch"] = {{"controls", kinds}, {"smoothing", smoothing}};
  }
  if (request.accompaniment) {
    const auto audio = read_audio(*request.accompaniment, generator.sample_rate(), generator.channels());
    generator.feed_accompaniment(audio);
    inputs.longest = std::max(inputs.longest, audio.size() / channels);
    for (const ControlEntry& control : manifest.controls)
      if (control.source == ControlSource::accompaniment) inputs.controls["accompaniment"] = {{"cutoff", control.cutoff.value_or(0)}};
  }
  return inputs;
}

/// Silence behind an accompaniment, so that it is known for so many blocks and as far ahead as the codec looks.
void finish_accompaniment(Generator& generator, std::uint64_t blocks) {
  const Manifest& manifest = generator.manifest();
  const auto frames = (static_cast<std::size_t>(blocks) + 1) * static_cast<std::size_t>(manifest.model.block) +
                      static_cast<std::size_t>(manifest.model.context) + static_cast<std::size_t>(manifest.codec.encoder.right);
  generator.feed_accompaniment(
      std::vector<float>(static_cast<std::size_t>(generator.channels()) * frames * static_cast<std::size_t>(manifest.codec.frame_size)));
}

}  // namespace

std::map<std::uint64_t, std::vector<WeightedPrompt>> cues_of(const Request& request, double block_seconds) {
  if (request.script) return by_block(read_prompt_script(*request.script), block_seconds);
  return {{0, {{request.prompt.value_or(""), 1}}}};
}

std::vector<std::string> sketch_kinds(const Request& request, const Manifest& manifest) {
  if (request.sketch_controls) return *request.sketch_controls;
  std::vector<std::string> kinds;
  for (const ControlEntry& control : manifest.controls)
    if (control.source == ControlSource::sketch) kinds.push_back(control.kind);
  return kinds;
}

Outcome perform(const Request& request, Interrupt& interrupt) {
  const Bundle bundle = Bundle::load(request.bundle);
  Generator generator(bundle, make_onnxruntime_backend(bundle, request.backend), request.generator);
  interrupt.on_interrupt([&generator] { generator.cancel(); });
  struct Released {
    Interrupt& interrupt;
    ~Released() { interrupt.on_interrupt({}); }
  } const released{interrupt};

  const double rate = generator.sample_rate();
  const std::size_t samples = generator.block_samples(), delay = generator.delay_samples();
  const Inputs inputs = feed(generator, request);
  const double given = static_cast<double>(inputs.longest) / rate;
  const double seconds = request.seconds.value_or(given > 0 ? given : default_seconds);
  // A delayed stream is played on until the last sample that was asked for has come out.
  const std::size_t end = delay + static_cast<std::size_t>(std::llround(seconds * rate));
  const std::uint64_t blocks = (end + samples - 1) / samples;
  const auto cues = cues_of(request, static_cast<double>(samples) / rate);
  if (request.accompaniment) finish_accompaniment(generator, blocks);
  generator.set_prompts(cues.at(0));

  Opening opening{{}, delay};
  if (request.prime) {
    opening = primed_opening(generator, read_audio(*request.prime, generator.sample_rate(), generator.channels()));
    if (request.drop_prime) opening = {{}, delay};
  }
  AudioWriter writer(request.output, generator.sample_rate(), generator.channels());
  writer.write(opening.audio);
  Progress progress(blocks, !request.json);
  std::vector<float> audio(samples * static_cast<std::size_t>(generator.channels()));
  std::string told;
  double slowest = 0, all = 0;
  for (std::uint64_t block = 0; block < blocks; ++block) {
    if (const auto cue = cues.find(block); block != 0 && cue != cues.end()) generator.set_prompts(cue->second);
    const auto asked = std::chrono::steady_clock::now();
    generator.next_block(audio);
    const double ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - asked).count();
    slowest = std::max(slowest, ms);
    all += ms;
    if (generator.notice() != told) progress.say(told = generator.notice());
    const std::size_t first = static_cast<std::size_t>(block) * samples;
    const std::size_t from = std::min(samples, opening.skip - std::min(opening.skip, first)), to = std::min(samples, end - first);
    if (from < to) writer.write(audio, from, to);
    progress.at(block + 1);
  }
  writer.finish();
  return {request.output,
          static_cast<double>(writer.samples()) / rate,
          seconds,
          writer.peak(),
          generator.sample_rate(),
          blocks,
          all / static_cast<double>(blocks),
          slowest,
          1000 * static_cast<double>(samples) / rate,
          inputs.controls.dump(),
          std::nullopt};
}

}  // namespace lmdm::run
