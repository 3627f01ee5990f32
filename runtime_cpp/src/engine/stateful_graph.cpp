#include "engine/stateful_graph.h"

#include <vector>

#include "lmdm/error.h"

namespace lmdm {

StatefulGraph::StatefulGraph(Backend& backend, const GraphEntry& graph, const Buffers& fixed) : graph_(graph.name) {
  for (const Port& port : graph.inputs) {
    if (graph.output(port.name + "_out") == nullptr) continue;
    for (Buffers& side : sides_) side.emplace(port.name, backend.buffer(port));
  }
  for (std::size_t turn = 0; turn < 2; ++turn) {
    Buffers bound = fixed;
    for (const auto& [name, buffer] : sides_[turn]) bound.insert_or_assign(name, buffer);
    for (const auto& [name, buffer] : sides_[1 - turn]) bound.insert_or_assign(name + "_out", buffer);
    bindings_[turn] = backend.bind(graph.name, bound);
  }
}

void StatefulGraph::run() {
  bindings_[turn_]->run();
  turn_ = 1 - turn_;
}

void StatefulGraph::restart(const States& values) {
  turn_ = 0;
  for (const auto& [name, buffer] : state()) {
    const Port& port = buffer->port();
    const auto found = values.find(name);
    if (found == values.end()) {
      buffer->write(std::vector<std::byte>(port.bytes()));
      continue;
    }
    const Array& first = found->second;
    if (first.shape != port.shape || first.type != port.type || first.data.size() != port.bytes()) {
      throw Error(ErrorKind::bundle, "graph " + graph_ + " takes " + name + " as " + std::string(lmdm::name(port.type)) + " " +
                                         to_string(port.shape) + ", its first value is " + std::string(lmdm::name(first.type)) + " " +
                                         to_string(first.shape) + "; export the checkpoint again with lmdm export");
    }
    buffer->write(first.data);
  }
}

States StatefulGraph::snapshot() const {
  States values;
  for (const auto& [name, buffer] : state()) {
    const Port& port = buffer->port();
    Array array{port.type, port.shape, std::vector<std::byte>(port.bytes())};
    buffer->read(array.data);
    values.emplace(name, std::move(array));
  }
  return values;
}

States first_states(const Bundle& bundle, const Streaming& streaming) {
  return streaming.states ? bundle.arrays(*streaming.states) : States{};
}

States sketch_states(const Bundle& bundle) {
  const auto& sketch = bundle.manifest().sketch;
  return sketch ? bundle.arrays(sketch->states) : States{};
}

}  // namespace lmdm
