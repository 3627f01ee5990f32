#include "engine/mix.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/spelling.h"
#include "lmdm/error.h"

namespace lmdm {

Mix normalised_mix(std::span<const WeightedPrompt> prompts) {
  std::vector<double> weights;
  double total = 0;
  bool good = true;
  for (const WeightedPrompt& entry : prompts) {
    weights.push_back(entry.weight);
    total += entry.weight;
    good = good && std::isfinite(entry.weight) && entry.weight >= 0;
  }
  if (!good || !(total > 0 && total < std::numeric_limits<double>::infinity())) {
    throw Error(ErrorKind::session, "prompt weights must be finite, not negative and not all zero, found " + spelled_list(weights));
  }
  Mix mix(prompts.begin(), prompts.end());
  for (WeightedPrompt& entry : mix) {
    entry.weight /= total;
  }
  return mix;
}

const std::string& dominant(const Mix& mix) {
  // The first of equals.
  return std::max_element(mix.begin(), mix.end(), [](const auto& a, const auto& b) { return a.weight < b.weight; })->prompt;
}

bool same_mix(const Mix& a, const Mix& b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& x, const auto& y) { return x.prompt == y.prompt && x.weight == y.weight; });
}

}  // namespace lmdm
