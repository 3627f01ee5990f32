#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "lmdm/generator.h"

/// Prompt scripts: which prompts sound from which second on (docs/runtime.md).
namespace lmdm::run {

struct Cue {
  double second = 0;
  std::vector<WeightedPrompt> mix;
};

/// Cues in order of time, the first at second 0. A name that ends in .json is read as JSON.
/// Throws Error(session): the file is missing, not text, has no cue at second 0, or a line that cannot be understood.
[[nodiscard]] std::vector<Cue> read_prompt_script(const std::filesystem::path& path);

/// Mixes by the block in which each cue falls; of several in one block the last counts.
[[nodiscard]] std::map<std::uint64_t, std::vector<WeightedPrompt>> by_block(const std::vector<Cue>& cues, double block_seconds);

}  // namespace lmdm::run
