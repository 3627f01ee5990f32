#include "bundle/contract.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <utility>

#include "bundle/ports.h"
#include "bundle/sentence.h"

namespace lmdm::bundles {

namespace {

const std::string again = "; " + std::string(export_again);

std::string text_of(Guidance guidance) {
  return guidance == Guidance::none ? "none" : guidance == Guidance::cfg ? "cfg" : "cfg++";
}

template <class Value>
std::string text_of(const std::optional<Value>& value) {
  return value ? std::to_string(*value) : "None";
}

void require_sizes(const Manifest& manifest) {
  const ModelEntry& model = manifest.model;
  const SamplingEntry& sampling = manifest.sampling;
  const int batch = sampling.guidance == Guidance::none ? 1 : 2;
  if (model.batch != batch) {
    refuse("the manifest states batch " + std::to_string(model.batch) + ", guidance " + text_of(sampling.guidance) + " needs " +
           std::to_string(batch) + again);
  }
  if (manifest.text && manifest.text->tokens != model.text_tokens) {
    refuse("the tokenizer gives " + std::to_string(manifest.text->tokens) + " tokens, the model takes " +
           std::to_string(model.text_tokens) + again);
  }
  if (model.pattern == Pattern::block_causal && (!model.window_chunks || model.context % model.block != 0)) {
    refuse("a block-causal model needs window_chunks and a context that is a multiple of its block, found " + text_of(model.window_chunks) +
           " and layout " + std::to_string(model.context) + "/" + std::to_string(model.block) + again);
  }
  if (sampling.context_drop > model.context) {
    refuse("context_drop " + std::to_string(sampling.context_drop) + " exceeds the context of " + std::to_string(model.context) +
           " frames" + again);
  }
}

void require_separate_groups(const Manifest& manifest) {
  std::map<std::string, int> uses;
  std::vector<std::string> names;
  for (const Group& group : manifest.groups()) {
    if (++uses[group.name] == 1) names.push_back(group.name);
  }
  const auto most = std::max_element(names.begin(), names.end(), [&uses](const auto& a, const auto& b) { return uses[a] < uses[b]; });
  if (most != names.end() && uses[*most] > 1) refuse("two controls of the manifest share the group " + *most + again);
}

void require_sketch(const Manifest& manifest) {
  std::string drawn;
  for (const ControlEntry& control : manifest.controls) {
    if (control.source == ControlSource::sketch) drawn += (drawn.empty() ? "" : ", ") + control.kind;
  }
  if (manifest.sketch.has_value() == drawn.empty()) {
    refuse("the manifest has " + std::string(drawn.empty() ? "a" : "no") + " sketch, its sketched controls are " +
           (drawn.empty() ? "none" : drawn) + again);
  }
  if (!manifest.sketch) return;
  const std::vector<int>& medians = manifest.sketch->medians;
  if (std::find(medians.begin(), medians.end(), manifest.sketch->median) == medians.end()) {
    refuse("the default median " + std::to_string(manifest.sketch->median) + " is none of " +
           to_string(Shape(medians.begin(), medians.end())) + again);
  }
}

void require_axis(const ControlEntry& control) {
  if (!control.axis) return;
  const std::vector<double>& values = control.axis->values;
  const int channels = control.groups.front().channels;
  const bool rising = std::adjacent_find(values.begin(), values.end(), std::greater_equal<>()) == values.end();
  const bool positive = control.axis->unit != AxisUnit::hertz || values.front() > 0;
  if (control.source != ControlSource::sketch || std::cmp_not_equal(values.size(), channels - 1) || !rising || !positive) {
    refuse("control " + control.kind + " has an axis of " + std::to_string(values.size()) + " values for " + std::to_string(channels) +
           " channels, expected one rising value for each channel after the presence" + again);
  }
}

void require_accompaniment(const ModelEntry& model, const ControlEntry& control) {
  Shape sizes;
  for (const Group& group : control.groups) sizes.push_back(group.channels);
  if (const Shape expected = {1, model.latent_channels}; sizes != expected) {
    refuse("control " + control.kind + " has groups of " + to_string(sizes) + " channels, expected " + to_string(expected) + again);
  }
  const int cutoff = control.cutoff.value_or(0), lowest = model.pattern == Pattern::block_causal ? model.context : 1;
  if (cutoff < lowest || cutoff > model.context + model.block || control.t_f != cutoff - model.context) {
    refuse("control " + control.kind + " has cutoff " + std::to_string(cutoff) + " and t_f " + text_of(control.t_f) +
           ", expected a cutoff from " + std::to_string(lowest) + " to " + std::to_string(model.context + model.block) + " and t_f " +
           std::to_string(cutoff - model.context) + again);
  }
}

void require_ports(const GraphEntry& graph, const std::string& side, const std::vector<Port>& found, const Shapes& expected,
                   const std::set<std::string>& optional) {
  Shapes shapes;
  std::vector<std::string> order;
  for (const Port& port : found) {
    if (shapes.insert_or_assign(port.name, port.shape).second) order.push_back(port.name);
  }
  for (const auto& [name, shape] : expected) {
    if (!shapes.contains(name) && !optional.contains(name)) {
      refuse(graph.file + " lacks the " + side + " " + name + ", which graph " + graph.name + " of this model must have" + again);
    }
  }
  for (const auto& [name, shape] : shapes) {
    if (!expected.contains(name)) {
      refuse(graph.file + " has an unknown " + side + " " + name + ", which graph " + graph.name + " of this model must not have" + again);
    }
  }
  // No buffer is larger than this, so that no size can overflow once the manifest is accepted.
  constexpr std::size_t most = std::numeric_limits<std::int32_t>::max();
  for (const std::string& name : order) {
    const std::string what = graph.file + " has " + side + " " + name + " of shape " + to_string(shapes[name]);
    if (shapes[name] != expected.at(name)) refuse(what + ", expected " + to_string(expected.at(name)) + " from the model's sizes" + again);
    if (count_of(shapes[name]) > most) refuse(what + ", expected at most " + std::to_string(most) + " elements" + again);
  }
}

}  // namespace

void require_contract(const Manifest& manifest) {
  require_sizes(manifest);
  require_separate_groups(manifest);
  require_sketch(manifest);
  for (const ControlEntry& control : manifest.controls) {
    require_axis(control);
    if (control.source == ControlSource::accompaniment) require_accompaniment(manifest.model, control);
  }
  for (const auto& [name, shapes] : expected_shapes(manifest)) {
    const auto graph = manifest.graphs.find(name);
    if (graph == manifest.graphs.end()) refuse("the bundle " + manifest.name + " has no graph " + name + again);
    // An exporter may leave out an input that no result depends on, such as the last layer's cross keys of the context encoder.
    const std::set<std::string> optional = name == "context_encoder" ? cross_names(manifest.model.depth) : std::set<std::string>();
    require_ports(graph->second, "input", graph->second.inputs, shapes.first, optional);
    require_ports(graph->second, "output", graph->second.outputs, shapes.second, {});
  }
}

}  // namespace lmdm::bundles
