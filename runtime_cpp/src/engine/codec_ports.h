#pragma once

#include <cstddef>
#include <string>

#include "lmdm/manifest.h"

/// What the codec's streams ask of a manifest.
namespace lmdm {

/// Throws Error(bundle): there is no such graph.
[[nodiscard]] const GraphEntry& graph_of(const Manifest& manifest, const std::string& name);
/// Throws Error(bundle): the graph has no such input.
[[nodiscard]] const Port& input_of(const GraphEntry& graph, const std::string& name);
/// Throws Error(bundle): the graph has no such output.
[[nodiscard]] const Port& output_of(const GraphEntry& graph, const std::string& name);
/// One axis of a port's shape.
[[nodiscard]] std::size_t axis(const Port& port, std::size_t index);

}  // namespace lmdm
