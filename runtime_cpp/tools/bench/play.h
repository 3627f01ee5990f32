#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "lmdm/generator.h"
#include "lmdm/onnxruntime.h"

namespace lmdm::bench {

struct Request {
  std::filesystem::path bundle;
  double seconds = 60;
  bool unpaced = false;
  int block_size = 128;
  double rate = 48000;
  double change_seconds = 5;  ///< between prompts
  int priority = 0;
  bool series = false;  ///< report seconds and milliseconds of every block too
  std::vector<std::string> prompts;
  GeneratorOptions generator;
  OnnxRuntimeOptions backend;
};

/// Blocks as fast as they come, by the blocking API.
[[nodiscard]] nlohmann::ordered_json play_unpaced(Generator& generator, const Request& request);
/// As an audio device would: a thread that calls `process` at exact times, for `seconds`.
[[nodiscard]] nlohmann::ordered_json play_paced(Generator generator, const Request& request);

}  // namespace lmdm::bench
