#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lmdm/backend.h"
#include "lmdm/bundle.h"
#include "validate/fixtures.h"
#include "validate/report.h"

namespace lmdm::validate {

/// What every step works with. `blocks` is the length of the closed loop.
struct Validation {
  const Bundle& bundle;
  std::shared_ptr<Backend> backend;
  Fixtures fixtures;
  Report& report;
  int blocks = 0;
  std::function<void(const std::string&)> on_stage;  ///< hears what is being run
};

inline constexpr int fewest_blocks = 8;
inline constexpr int usual_blocks = 64;

/// Every output of every graph on the fixtures' inputs.
void check_graphs(Validation& validation);
/// One whole block on the same noise: the first, and one on a full context.
void check_blocks(Validation& validation);
/// A closed loop with prompt changes and mixes; errors feed back, so every block has a bound of its own.
void check_rollout(Validation& validation);
/// Audio decoded block by block against one decode of all frames, and the seams between blocks.
void check_audio(Validation& validation);

}  // namespace lmdm::validate
