#pragma once

#include <span>
#include <string>
#include <vector>

#include "lmdm/generator.h"

namespace lmdm {

/// Prompts whose weights sum to 1.
using Mix = std::vector<WeightedPrompt>;

/// Throws Error(session): no prompt, or weights that are negative, not finite or all zero.
[[nodiscard]] Mix normalised_mix(std::span<const WeightedPrompt> prompts);
/// The prompt with the largest weight, the first of equals; the mix is not empty.
[[nodiscard]] const std::string& dominant(const Mix& mix);
/// Same prompts in the same order with the same weights.
[[nodiscard]] bool same_mix(const Mix& a, const Mix& b) noexcept;

}  // namespace lmdm
