#include "engine/codec_ports.h"

#include "lmdm/error.h"

namespace lmdm {
namespace {

const Port& require(const Port* port, const std::string& name) {
  if (port == nullptr) {
    throw Error(ErrorKind::bundle, "a codec graph has no " + name + "; export the checkpoint again with lmdm export");
  }
  return *port;
}

}  // namespace

const GraphEntry& graph_of(const Manifest& manifest, const std::string& name) {
  const auto found = manifest.graphs.find(name);
  if (found == manifest.graphs.end()) {
    throw Error(ErrorKind::bundle,
                "the bundle " + manifest.name + " has no graph " + name + "; export the checkpoint again with lmdm export");
  }
  return found->second;
}

const Port& input_of(const GraphEntry& graph, const std::string& name) {
  return require(graph.input(name), name);
}

const Port& output_of(const GraphEntry& graph, const std::string& name) {
  return require(graph.output(name), name);
}

std::size_t axis(const Port& port, std::size_t index) {
  return static_cast<std::size_t>(port.shape.at(index));
}

}  // namespace lmdm
