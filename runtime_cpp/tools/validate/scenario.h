#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lmdm/bundle.h"
#include "lmdm/generator.h"

namespace lmdm::validate {

/// What a closed loop plays. Arrays are planar.
struct Scenario {
  struct Frames {
    std::vector<float> values;  ///< [channels, frames]
    std::size_t frames = 0;
  };

  int blocks = 0;
  std::map<int, std::vector<WeightedPrompt>> timeline;  ///< block: the mix from that block on
  GeneratorOptions options;
  std::map<int, Tuning> tunings;                           ///< by the block from which on they count
  std::map<int, std::map<std::string, double>> strengths;  ///< of sketch controls by kind, likewise
  std::map<std::string, Frames> controls;                  ///< by group, from block 0 on
  std::map<std::string, std::vector<float>> embeddings;    ///< by prompt, where the bundle has no text encoder
  std::optional<std::vector<float>> sketch;                ///< audio to follow
  std::vector<std::string> sketched;                       ///< kinds that follow it
  std::optional<int> smoothing;
  std::optional<std::vector<float>> accompaniment;  ///< latent frames
  std::optional<std::vector<float>> accompaniment_audio;
  std::optional<std::vector<float>> prime;  ///< audio to continue

  /// Blocks at which another prompt becomes dominant; block 0 is none.
  [[nodiscard]] std::vector<int> changes() const;
  /// How many blocks begin with weights other than the block before, the dominant prompt being the same.
  [[nodiscard]] int varying() const;
  /// The first blocks only.
  [[nodiscard]] Scenario first(int count) const;
};

/// Timeline as in a fixture: [[block, [[prompt, weight], ...]], ...]. Throws Error(bundle): it is none.
[[nodiscard]] std::map<int, std::vector<WeightedPrompt>> read_timeline(const std::string& json);

/// A scenario from a JSON file; arrays lie beside it as raw little-endian float32 files. See `lmdm-validate --help`.
/// Throws Error(session): the file cannot be read or is none.
[[nodiscard]] Scenario read_scenario(const std::filesystem::path& path);

}  // namespace lmdm::validate
