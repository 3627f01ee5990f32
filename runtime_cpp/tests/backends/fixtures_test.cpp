// Every graph of a bundle against its fixtures: what numpy, Python's ONNX Runtime or torch answered to the same inputs.
#include "support.h"

namespace lmdm::testing {
namespace {

/// Tiny bundles, and the exported one that LMDM_TEST_EXPORTED names.
std::vector<std::string> bundles_with_fixtures() {
  std::vector<std::string> names = {"encoder-decoder", "block-causal"};
  if (const char* exported = std::getenv("LMDM_TEST_EXPORTED")) {
    names.emplace_back(exported);
  }
  return names;
}

/// Output errors over their tolerance, the largest of a graph; above 1 is a fault. `spoil` changes the inputs on their way in.
std::map<std::string, double> errors(const Bundle& bundle, const OnnxRuntimeOptions& options, float spoil = 0) {
  const auto backend = make_onnxruntime_backend(bundle, options);
  std::map<std::string, double> worst;
  for (const auto& [name, graph] : bundle.manifest().graphs) {
    const auto fixture = bundle.manifest().fixtures.find("graph_" + name);
    if (fixture == bundle.manifest().fixtures.end()) {
      continue;
    }
    const auto arrays = bundle.arrays(fixture->second.file);
    const Buffers buffers = buffers_for(*backend, graph);
    for (const Port& port : graph.inputs) {
      Array values = arrays.at("input_" + port.name);
      if (port.type == DType::float32) {
        auto* first = reinterpret_cast<float*>(values.data.data());
        std::transform(first, first + port.count(), first, [&](float value) { return value + spoil; });
      }
      buffers.at(port.name)->write(values.data);
    }
    backend->bind(name, buffers)->run();
    for (const Port& port : graph.outputs) {
      const double apart = furthest(floats(*buffers.at(port.name)), floats(arrays.at("output_" + port.name)));
      const auto& tolerance = fixture->second.tolerance;
      // The sketch's state of past peaks is of a scale of its own, which the exporter states.
      const auto own = tolerance.find("by_output." + port.name);
      const double allowed = own != tolerance.end() ? own->second : tolerance.at("max_abs");
      worst[name] = std::max(worst[name], apart / std::max(allowed, 1e-7));
    }
  }
  return worst;
}

class Fixtures : public ::testing::TestWithParam<std::string> {};

TEST_P(Fixtures, EveryGraphAnswersAsTheReference) {
  const Bundle bundle = load(GetParam());
  const auto found = errors(bundle, one_thread());
  EXPECT_EQ(found.size(), bundle.manifest().graphs.size());
  for (const auto& [graph, error] : found) {
    EXPECT_LE(error, 1) << graph;
  }
}

TEST_P(Fixtures, SmallAndThreadedBackendsAnswerTheSame) {
  OnnxRuntimeOptions options;
  options.threads = 2;
  options.small = true;
  for (const auto& [graph, error] : errors(load(GetParam()), options)) {
    EXPECT_LE(error, 1) << graph;
  }
}

TEST_P(Fixtures, OtherInputsGiveOtherAnswers) {
  for (const auto& [graph, error] : errors(load(GetParam()), one_thread(), 0.01F)) {
    EXPECT_GT(error, 1) << graph;
  }
}

INSTANTIATE_TEST_SUITE_P(Bundles, Fixtures, ::testing::ValuesIn(bundles_with_fixtures()), [](const auto& instance) {
  std::string name = std::filesystem::path(instance.param).filename().string();
  std::replace_if(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
});

}  // namespace
}  // namespace lmdm::testing
