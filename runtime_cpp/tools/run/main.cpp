#include <cmath>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

#include "common/tool.h"
#include "lmdm/error.h"
#include "run/performance.h"

namespace {

using namespace lmdm;
using namespace lmdm::run;

constexpr int interrupted = 130;

constexpr const char* about = "Plays a bundle into an audio file, block by block as a stream would.\n";

constexpr const char* more =
    "\nExamples:\n"
    "  lmdm-run out/default -o piece.wav --prompt \"jazz with saxophone\" --seconds 30\n"
    "  lmdm-run out/default -o piece.wav --script set.txt --prime intro.wav --seed 7\n"
    "  lmdm-run out/default -o piece.wav --sketch humming.wav --sketch-controls pitch --smoothing 5\n"
    "  lmdm-run out/default -o piece.wav --prompt techno --live    # at the pace of a sound device\n"
    "\nA prompt script has one entry a line; several prompts mix by weight:\n"
    "  0   ambient with warm pad\n"
    "  8   techno with drums : 0.7 | jazz with saxophone : 0.3\n"
    "\nThe file appears when all of it is written; Ctrl-C leaves nothing. Exit status: 0, 2 for a refusal, 130 for Ctrl-C.\n";

void add_options(CLI::App& app, Request& request) {
  app.add_option("bundle", request.bundle, "Folder that lmdm export wrote.")->required()->type_name("BUNDLE");
  app.add_option("-o,--output", request.output, "WAV or FLAC file to write.")->required()->type_name("FILE");
  auto* prompt = app.add_option("-p,--prompt", request.prompt, "One prompt throughout.");
  app.add_option("--script", request.script, "Prompt script: a second and a prompt on each line.")->type_name("FILE")->excludes(prompt);
  app.add_option("--seconds", request.seconds, "How much; by default as long as the input, or 20 without one.")->check(CLI::PositiveNumber);
  app.add_option("--seed", request.generator.seed, "Seed of the noise; the same seed gives the same audio.")->default_str("0");
  app.add_option("--steps", request.generator.steps, "Solver steps a block; by default the bundle's schedule.");
  app.add_option("--guidance-scale,--guidance", request.generator.guidance_scale, "Guidance scale; by default the bundle's.");
  app.add_option("--solver", request.generator.solver, "euler, heun, rk4, dpmpp-2m or ping-pong; by default the bundle's.");
  auto* sketch = app.add_option("--sketch", request.sketch, "Audio file that the music follows.")->type_name("FILE");
  app.add_option("--sketch-controls", request.sketch_controls, "What of it, such as pitch,loudness; by default all.")
      ->delimiter(',')
      ->needs(sketch);
  app.add_option("--smoothing", request.smoothing, "Frames of the median that takes detail out of the sketch.")->needs(sketch);
  app.add_option("--accompaniment", request.accompaniment, "Audio file that the music plays along with.")->type_name("FILE");
  auto* prime = app.add_option("--prime", request.prime, "Audio file that the music continues.")->type_name("FILE");
  app.add_flag("--drop-prime", request.drop_prime, "Leave the priming audio out of the output.")->needs(prime);
  auto* live = app.add_flag("--live", request.live, "Play at the pace of a sound device, through the audio thread, and count underruns.");
  app.add_option("--host-rate", request.rate, "With --live: sample rate of the device; by default the bundle's.")
      ->check(CLI::PositiveNumber)
      ->needs(live);
  app.add_option("--host-block", request.host_block, "With --live: samples that the device asks for at a time.")
      ->check(CLI::Range(1, 8192))
      ->default_str("512")
      ->needs(live);
  app.add_flag("--json", request.json, "Print one JSON object instead of sentences.");
}

double rounded(double value, int places) {
  return std::round(value * std::pow(10, places)) / std::pow(10, places);
}

void print_json(const Outcome& made) {
  nlohmann::json report{{"output", made.output.string()},
                        {"seconds", rounded(made.seconds, 3)},
                        {"generated_seconds", rounded(made.generated_seconds, 3)},
                        {"controls", nlohmann::json::parse(made.controls)},
                        {"sample_rate", made.sample_rate},
                        {"peak", rounded(made.peak, 4)},
                        {"blocks", made.blocks},
                        {"mean_block_ms", rounded(made.mean_block_ms, 2)},
                        {"slowest_block_ms", rounded(made.slowest_block_ms, 2)},
                        {"block_period_ms", rounded(made.block_period_ms, 2)}};
  if (made.live)
    report["live"] = {{"underruns", made.live->underruns},
                      {"underrun_samples", made.live->underrun_samples},
                      {"dropped_blocks", made.live->dropped_blocks},
                      {"priority", made.live->priority}};
  std::cout << report.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
}

void print_sentence(const Outcome& made) {
  std::printf("%s: %.3g s at %d Hz, peak %.4g; %.0f ms a block on average, %.0f ms at most, for blocks of %.0f ms\n", made.output.c_str(),
              made.seconds, made.sample_rate, made.peak, made.mean_block_ms, made.slowest_block_ms, made.block_period_ms);
  if (made.live)
    std::printf("live: %llu underruns, %llu samples without music\n", static_cast<unsigned long long>(made.live->underruns),
                static_cast<unsigned long long>(made.live->underrun_samples));
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(about, "lmdm-run");
  app.footer(more);
  Request request;
  add_options(app, request);
  tools::add_backend_options(app, request.backend);
  Interrupt interrupt;
  return tools::run(app, argc, argv, [&] {
    try {
      const Outcome made = request.live ? perform_live(request, interrupt) : perform(request, interrupt);
      request.json ? print_json(made) : print_sentence(made);
      return 0;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::cancelled) throw;
      std::cerr << "interrupted; nothing was written\n";
      return interrupted;
    }
  });
}
