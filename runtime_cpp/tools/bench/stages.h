#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <vector>

#include "bench/percentiles.h"
#include "lmdm/generator.h"

namespace lmdm::bench {

/// Room for `count` values that the system has really given: what a long run writes down must not look like memory that grows.
template <typename Value>
void touch(std::vector<Value>& values, std::size_t count) {
  values.resize(count);
  values.clear();
}

/// Milliseconds of every block by stage.
struct Stages {
  std::vector<double> controls, prompt, context, steps, decode, block;

  void expect(std::size_t blocks) {
    for (auto* of : {&controls, &prompt, &context, &steps, &decode, &block}) touch(*of, blocks);
  }
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
