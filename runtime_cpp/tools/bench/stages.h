#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "bench/percentiles.h"
#include "lmdm/generator.h"

namespace lmdm::bench {

/// Milliseconds of every block by stage.
struct Stages {
  std::vector<double> controls, prompt, context, steps, decode, block;

  void add(const Timings& timings, double block_ms) {
    controls.push_back(timings.controls);
    prompt.push_back(timings.prompt);
    context.push_back(timings.context);
    steps.push_back(timings.steps);
    decode.push_back(timings.decode);
    block.push_back(block_ms);
  }
  [[nodiscard]] nlohmann::ordered_json figures() const {
    return {{"controls", percentiles(controls)}, {"prompt", percentiles(prompt)}, {"context", percentiles(context)},
            {"steps", percentiles(steps)},       {"decode", percentiles(decode)}, {"block", percentiles(block)}};
  }
};

}  // namespace lmdm::bench
