#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/tool.h"
#include "lmdm/error.h"
#include "lmdm/onnxruntime.h"
#include "validate/player.h"
#include "validate/steps.h"

namespace {

using namespace lmdm;
using namespace lmdm::validate;

constexpr const char* about =
    "Checks on this machine that a bundle plays as it did in torch, by the fixtures that its export stored.\n"
    "Needs neither Python nor the checkpoint.\n";

constexpr const char* more =
    "\nSteps: 1 graph (every output of every graph), 2 block (one whole block), 3 rollout (many blocks in a closed\n"
    "loop, with prompt changes and mixes), 4 audio (decoded block by block against one decode, and the seams).\n"
    "Every step is run with faults made on purpose as well, and each of them must leave the bound.\n"
    "\nExit status: 0 all checks keep their bounds and all faults are caught, 1 not so, 2 the validation could not run.\n"
    "\nExamples:\n"
    "  lmdm-validate out/default\n"
    "  lmdm-validate out/default --steps 1,2 --provider cuda --json > report.json\n"
    "\nWith --play nothing is checked: the scenario is played and what was made is written, to be compared with another\n"
    "runtime. A scenario is JSON: {\"blocks\": 8, \"seed\": 7, \"timeline\": [[0, [[\"techno\", 1.0]]]]} and, where wanted,\n"
    "\"steps\", \"guidance_scale\", \"solver\", \"controls\": {GROUP: {\"file\": F, \"frames\": N}}, \"embeddings\": {PROMPT: F},\n"
    "\"sketch\": {\"file\": F, \"controls\": [KIND], \"smoothing\": N}, \"accompaniment\": F, \"accompaniment_frames\": F,\n"
    "\"prime\": F, \"tunings\": [[BLOCK, {\"feedback\": 0.5}]] and \"strengths\": [[BLOCK, {KIND: 0.5}]]. Each F is a file of raw\n"
    "little-endian float32 beside the scenario, channel after channel.\n";

struct Options {
  std::filesystem::path bundle;
  std::vector<int> steps{1, 2, 3, 4};
  std::optional<int> blocks;
  bool json = false;
  std::optional<std::filesystem::path> play;
  std::filesystem::path latents, audio;
  OnnxRuntimeOptions backend;
};

/// Raw little-endian float32.
class FloatFile {
 public:
  explicit FloatFile(const std::filesystem::path& path) : path_(path) {
    if (path.empty()) return;
    file_.open(path, std::ios::binary);
    if (!file_) throw Error(ErrorKind::session, path.string() + " cannot be written; choose a folder that exists and has room");
  }
  void write(std::span<const float> values) {
    if (path_.empty()) return;
    file_.write(reinterpret_cast<const char*>(values.data()), static_cast<std::streamsize>(values.size_bytes()));
    if (!file_) throw Error(ErrorKind::session, path_.string() + " could not be written on; is the disk full?");
  }

 private:
  std::filesystem::path path_;
  std::ofstream file_;
};

int play_scenario(const Options& options) {
  const Bundle bundle = Bundle::load(options.bundle);
  const auto backend = make_onnxruntime_backend(bundle, options.backend);
  FloatFile latents(options.latents), audio(options.audio);
  play(bundle, backend, read_scenario(*options.play), {}, !options.audio.empty(),
       [&](std::span<const float> made, std::span<const float> heard) {
         latents.write(made);
         audio.write(heard);
       });
  return 0;
}

/// The bounds here are those of float32, and a variant is held to a budget of its own.
void require_float32(const Bundle& bundle) {
  const auto& precision = bundle.manifest().precision;
  if (!precision) return;
  throw Error(ErrorKind::bundle, bundle.folder().string() + " is in " + precision->kind +
                                     ", to which bounds of float32 do not apply; run: lmdm validate " + bundle.folder().string());
}

int validate_bundle(const Options& options) {
  const Bundle bundle = Bundle::load(options.bundle);
  require_float32(bundle);
  const Fixtures fixtures(bundle);
  Report report{bundle.manifest().name, fixtures.name(), "", {}, {}, {}, {}, {}};
  const auto backend = make_onnxruntime_backend(bundle, options.backend);
  report.backend = backend->name();
  const int stored = fixtures.blocks(), blocks = options.blocks.value_or(std::min(usual_blocks, stored));
  const std::set<int> wanted(options.steps.begin(), options.steps.end());
  if (!options.blocks && blocks < usual_blocks && wanted.contains(3))
    report.not_run.push_back(
        {3, "closed loop of " + std::to_string(usual_blocks) + " blocks", "the fixtures hold " + std::to_string(stored)});
  const bool terminal = isatty(STDERR_FILENO) != 0;
  Validation validation{bundle, backend, fixtures, report, blocks, [terminal](const std::string& stage) {
                          std::cerr << (terminal ? "\r\033[K" : "") << stage << (terminal ? "" : "\n") << std::flush;
                        }};
  static constexpr std::array checks{check_graphs, check_blocks, check_rollout, check_audio};
  for (const int step : wanted) {
    const auto start = std::chrono::steady_clock::now();
    checks[static_cast<std::size_t>(step - 1)](validation);
    report.seconds[step_name(step)] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  if (terminal) std::cerr << "\r\033[K" << std::flush;
  std::cout << (options.json ? report.json() + "\n" : report.table()) << std::flush;
  return report.passed() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(about, "lmdm-validate");
  app.footer(more);
  Options options;
  app.add_option("bundle", options.bundle, "Folder that lmdm export wrote.")->required()->type_name("BUNDLE");
  app.add_option("--steps", options.steps, "Which steps to run, such as 1,2.")
      ->delimiter(',')
      ->check(CLI::Range(1, 4))
      ->default_str("1,2,3,4");
  app.add_option("--blocks", options.blocks, "Length of the closed loop; 64, or what the fixtures hold.")
      ->check(CLI::Range(fewest_blocks, 1 << 20));
  app.add_flag("--json", options.json, "Print the report as JSON.");
  auto* scenario = app.add_option("--play", options.play, "Scenario to play in place of checking; see below.")->type_name("FILE");
  app.add_option("--latents", options.latents, "With --play: file for the clean blocks, raw float32 [blocks, C, frames].")->needs(scenario);
  app.add_option("--audio", options.audio, "With --play: file for the audio, raw float32, block after block [channels, samples].")
      ->needs(scenario);
  tools::add_backend_options(app, options.backend);
  return tools::run(app, argc, argv, [&] { return options.play ? play_scenario(options) : validate_bundle(options); });
}
