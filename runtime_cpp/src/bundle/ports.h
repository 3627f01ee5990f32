#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>

#include "lmdm/manifest.h"

namespace lmdm::bundles {

using Shapes = std::map<std::string, Shape>;

/// `stem_NN` for every layer, such as `cross_k_00`.
[[nodiscard]] std::set<std::string> layer_names(const std::string& stem, int depth, const std::string& suffix = "");
/// Names of the cross-attention keys and values of every layer.
[[nodiscard]] std::set<std::string> cross_names(int depth);

/// Graph, and the shapes of its inputs and of its outputs by name, in the order in which they are checked. Codec states are named and
/// shaped by the graphs themselves.
[[nodiscard]] std::vector<std::pair<std::string, std::pair<Shapes, Shapes>>> expected_shapes(const Manifest& manifest);

}  // namespace lmdm::bundles
