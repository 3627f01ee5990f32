#include "backends/weights.h"

#ifdef __linux__
#include <malloc.h>
#endif

#include <fstream>

#include "backends/external_tensors.h"
#include "support.h"

namespace lmdm::testing {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

/// Megabytes that only this process has, and cannot give back. Linux only; 0 elsewhere.
double private_memory() {
#ifdef __GLIBC__
  malloc_trim(0);  // what was freed and is kept for later is no part of the answer
#endif
  std::ifstream file("/proc/self/smaps_rollup");
  double megabytes = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("Private_Dirty:")) {
      megabytes = std::atof(line.c_str() + line.find(':') + 1) / 1024;
    }
  }
  return megabytes;
}

/// Loads the graphs `one` and `other`, each a product with a matrix of 16 MiB, and says by how many megabytes each made the process grow.
std::pair<double, double> growth(const std::string& bundle_name) {
  const Bundle bundle = load(bundle_name);
  const auto backend = make_onnxruntime_backend(bundle, one_thread());
  // Allocators are warm, and the code of sessions is in memory.
  backend->bind("conditioner", buffers_for(*backend, bundle.graph("conditioner")))->run();
  double sizes[2] = {};
  std::unique_ptr<Binding> bindings[2];
  for (const std::size_t i : {0U, 1U}) {
    const std::string graph = i == 0 ? "one" : "other";
    const double before = private_memory();
    bindings[i] = backend->bind(graph, buffers_for(*backend, bundle.graph(graph)));
    bindings[i]->run();
    sizes[i] = private_memory() - before;
  }
  return {sizes[0], sizes[1]};
}

TEST(Weights, WhatTwoGraphsShareIsPrepackedOnce) {
  if (sanitized || private_memory() == 0) {
    GTEST_SKIP() << "memory cannot be measured here";
  }
  const auto [together_one, together_other] = growth("together");
  EXPECT_GT(together_one, 12);
  EXPECT_LT(together_other, 4);
  const auto [apart_one, apart_other] = growth("apart");
  EXPECT_GT(apart_one, 12);
  EXPECT_GT(apart_other, 12);
}

TEST(Weights, ASecondBackendOfTheBundleSharesThem) {
  if (sanitized || private_memory() == 0) {
    GTEST_SKIP() << "memory cannot be measured here";
  }
  const Bundle bundle = load("together");
  const auto bind = [](Backend& backend, const Bundle& of) { return backend.bind("one", buffers_for(backend, of.graph("one"))); };
  const auto first = make_onnxruntime_backend(bundle, one_thread()), second = make_onnxruntime_backend(bundle, one_thread());
  const auto binding = bind(*first, bundle);
  const double before = private_memory();
  const auto other = bind(*second, bundle);
  EXPECT_LT(private_memory() - before, 4);
}

TEST(Weights, AreKnownByTheBundlesContent) {
  const auto library = ort::Library::open({});
  const Bundle bundle = load("encoder-decoder");
  const auto weights = ort::Weights::of(library, bundle);
  EXPECT_EQ(ort::Weights::of(library, load("encoder-decoder")), weights);
  EXPECT_NE(ort::Weights::of(library, load("block-causal")), weights);
}

TEST(ExternalTensors, AreThoseOfTheGraph) {
  const Bundle bundle = load("encoder-decoder");
  const platform::MappedFile model(bundle.file("graphs/codec_decoder.onnx"));
  const auto tensors = ort::external_tensors(model.bytes());
  ASSERT_EQ(tensors.size(), 1U);
  EXPECT_EQ(tensors[0].name, "decoder");
  EXPECT_EQ(tensors[0].shape, (Shape{2, 8}));
  EXPECT_EQ(tensors[0].type, 1);
  EXPECT_EQ(tensors[0].location, "weights.bin");
  EXPECT_EQ(tensors[0].length, 64U);
  // Cut anywhere, it is no ONNX file any more, or one with fewer tensors.
  for (std::size_t size = 0; size < model.bytes().size(); ++size) {
    EXPECT_LE(ort::external_tensors(model.bytes().first(size)).size(), 1U);
  }
}

}  // namespace
}  // namespace lmdm::testing
