#include "validate/fixtures.h"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "lmdm/error.h"
#include "validate/metrics.h"

namespace lmdm::validate {
namespace {

using Json = nlohmann::json;

constexpr float full_scale = 32768;  // values of 16-bit audio are multiples of its inverse

[[noreturn]] void refuse(const std::string& fixture) {
  throw Error(ErrorKind::bundle, "the fixture " + fixture + " of the bundle is not whole; export the checkpoint again with lmdm export");
}

const Array& at(const Arrays& arrays, const std::string& name) {
  const auto found = arrays.find(name);
  if (found == arrays.end()) refuse(name);
  return found->second;
}

std::vector<float> floats(const Array& array) {
  if (array.type != DType::float32) refuse("with values that are not float32");
  const auto values = array.as<float>();
  return {values.begin(), values.end()};
}

std::int64_t integer(const Array& array) {
  if (array.type == DType::int64 && array.as<std::int64_t>().size() == 1) return array.as<std::int64_t>()[0];
  if (array.type == DType::int32 && array.as<std::int32_t>().size() == 1) return array.as<std::int32_t>()[0];
  refuse("with a number that is none");
}

Json measured(const Bundle& bundle, const std::string& fixture) {
  return Json::parse(bundle.manifest().document).at("fixtures").at(fixture).value("measured", Json::object());
}

/// Rows of an array [n, ...], one after another.
std::vector<std::vector<float>> rows_of(const Array& array) {
  const auto values = floats(array);
  const auto count = static_cast<std::size_t>(array.shape.empty() ? 0 : array.shape.front());
  if (count == 0) refuse("without rows");
  std::vector<std::vector<float>> rows;
  for (std::size_t row = 0; row < count; ++row) {
    const auto begin = values.begin() + static_cast<std::ptrdiff_t>(row * (values.size() / count));
    rows.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(values.size() / count));
  }
  return rows;
}

}  // namespace

Fixtures::Fixtures(const Bundle& bundle) : bundle_(&bundle) {}

std::string Fixtures::name() const {
  const Json document = Json::parse(bundle_->manifest().document);
  return "the bundle's fixtures (torch " +
         document.value("created_with", Json::object()).value("torch", std::string("of unknown version")) + ", float32)";
}

int Fixtures::blocks() const {
  return static_cast<int>(rounding_by_block().size());
}

GraphProbe Fixtures::graph(const std::string& graph) const {
  GraphProbe probe{graph, {}, {}, rounding("graph_" + graph)};
  for (const auto& [name, array] : load("graph_" + graph)) {
    if (name.starts_with("input_")) probe.inputs[name.substr(6)] = array;
    if (name.starts_with("output_")) probe.expected[name.substr(7)] = array;
  }
  for (const auto& [name, array] : probe.expected)
    if (!probe.rounding.contains(name)) refuse("graph_" + graph);
  return probe;
}

std::vector<BlockProbe> Fixtures::block_probes() const {
  const Arrays first = load("block");
  std::vector<BlockProbe> probes;
  probes.push_back({"block from a null context", scenario(first).first(1), floats(at(first, "block")), rounding("block").at("block")});
  const RolloutTruth whole = rollout();
  const ModelEntry& model = bundle_->manifest().model;
  const int last = static_cast<int>(whole.expected.size()) - 1, full = std::min((model.context + model.block - 1) / model.block, last);
  const double worst = *std::max_element(whole.rounding.begin(), whole.rounding.begin() + full + 1);
  probes.push_back({"block after " + std::to_string(full) + " others", whole.scenario.first(full + 1),
                    whole.expected[static_cast<std::size_t>(full)], worst});
  return probes;
}

RolloutTruth Fixtures::rollout() const {
  const Arrays arrays = load("rollout");
  RolloutTruth truth{scenario(arrays), rows_of(at(arrays, "blocks")), rounding_by_block()};
  if (truth.rounding.size() != truth.expected.size()) refuse("rollout");
  truth.scenario.blocks = static_cast<int>(truth.expected.size());
  return truth;
}

AudioTruth Fixtures::audio() const {
  const Arrays arrays = load("audio");
  // A stream begins after null frames, the stored decode after nothing.
  return {floats(at(arrays, "frames")), floats(at(arrays, "audio")), rounding("audio").at("audio"), bundle_->manifest().codec.decoder.left};
}

Arrays Fixtures::load(const std::string& fixture) const {
  const auto& fixtures = bundle_->manifest().fixtures;
  const auto found = fixtures.find(fixture);
  if (found == fixtures.end())
    throw Error(ErrorKind::bundle, "the bundle " + bundle_->folder().string() + " has no fixture " + fixture +
                                       "; export the checkpoint again with lmdm export");
  return bundle_->arrays(found->second.file);
}

Scenario Fixtures::scenario(const Arrays& arrays) const {
  const Manifest& manifest = bundle_->manifest();
  Scenario made;
  made.blocks = 1;
  made.timeline = read_timeline(texts(at(arrays, "timeline")).at(0));
  made.options.seed = static_cast<std::uint64_t>(integer(at(arrays, "seed")));
  for (const ControlEntry& control : manifest.controls) {
    if (control.source == ControlSource::sketch) made.sketched.push_back(control.kind);
    if (control.source != ControlSource::caller) continue;
    for (const Group& group : control.groups) {
      const Array& values = at(arrays, "control_" + group.name);
      made.controls[group.name] = {floats(values), static_cast<std::size_t>(values.shape.back())};
    }
  }
  if (!manifest.text) {
    const bool several = arrays.contains("prompts");
    const auto prompts = texts(at(arrays, several ? "prompts" : "prompt"));
    const auto stored = rows_of(at(arrays, several ? "embeddings" : "embedding"));
    if (prompts.size() != stored.size()) refuse("rollout");
    for (std::size_t i = 0; i < prompts.size(); ++i) made.embeddings[prompts[i]] = stored[i];
  }
  if (arrays.contains("accompaniment")) made.accompaniment = floats(arrays.at("accompaniment"));
  if (!manifest.sketch) return made;
  std::vector<float> heard;
  for (int channel = 0; channel < manifest.codec.audio_channels; ++channel)
    for (const double sample : doubles(at(arrays, "sketch"))) heard.push_back(static_cast<float>(sample) / full_scale);
  made.sketch = std::move(heard);
  made.smoothing = static_cast<int>(integer(at(arrays, "smoothing")));
  return made;
}

std::map<std::string, double> Fixtures::rounding(const std::string& fixture) const try {
  return measured(*bundle_, fixture).at("float32_rounding").get<std::map<std::string, double>>();
} catch (const Json::exception&) {
  refuse(fixture);
}

std::vector<double> Fixtures::rounding_by_block() const try {
  return measured(*bundle_, "rollout").at("float32_rounding_by_block").get<std::vector<double>>();
} catch (const Json::exception&) {
  refuse("rollout");
}

}  // namespace lmdm::validate
