#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lmdm/generator.h"
#include "lmdm/live_processor.h"
#include "lmdm/onnxruntime.h"
#include "run/interrupt.h"

/// From a bundle and files to music in a file.
namespace lmdm::run {

struct Request {
  std::filesystem::path bundle, output;
  std::optional<std::string> prompt;
  std::optional<std::filesystem::path> script, sketch, accompaniment, prime;
  std::optional<std::vector<std::string>> sketch_controls;
  std::optional<int> smoothing;
  std::optional<double> seconds;
  bool drop_prime = false, live = false, json = false;
  double rate = 0;       ///< with `live`: of the host, 0 for the bundle's
  int host_block = 512;  ///< with `live`: samples of one call
  GeneratorOptions generator;
  OnnxRuntimeOptions backend;
};

/// What was made, for the report. Times in milliseconds.
struct Outcome {
  std::filesystem::path output;
  double seconds = 0, generated_seconds = 0, peak = 0;
  int sample_rate = 0;
  std::uint64_t blocks = 0;
  double mean_block_ms = 0, slowest_block_ms = 0, block_period_ms = 0;
  std::string controls;  ///< JSON object of what the music followed
  std::optional<LiveMetrics> live;
};

/// Seconds of music where neither an input nor the caller says how much.
inline constexpr double default_seconds = 20;

/// Mixes by the block from which they sound.
[[nodiscard]] std::map<std::uint64_t, std::vector<WeightedPrompt>> cues_of(const Request& request, double block_seconds);
/// The kinds that the music follows: those asked for, or all.
[[nodiscard]] std::vector<std::string> sketch_kinds(const Request& request, const Manifest& manifest);

/// Block after block as fast as they can be made. Throws Error(cancelled) where it was interrupted.
[[nodiscard]] Outcome perform(const Request& request, Interrupt& interrupt);
/// Through a LiveProcessor at the pace of a sound device, its input from the files.
[[nodiscard]] Outcome perform_live(const Request& request, Interrupt& interrupt);

}  // namespace lmdm::run
