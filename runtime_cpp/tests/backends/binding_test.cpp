#include <cstring>
#include <limits>
#include <ostream>

#include "support.h"

namespace lmdm::testing {
namespace {

TEST(Binding, AnOutputIsTheNextGraphsInput) {
  const Bundle bundle = load("encoder-decoder");
  const auto backend = make_onnxruntime_backend(bundle, one_thread());
  const GraphEntry& conditioner = bundle.graph("conditioner");
  const GraphEntry& context_encoder = bundle.graph("context_encoder");

  // One buffer for each name: keys and values are read where they were written.
  Buffers shared = buffers_for(*backend, conditioner);
  for (const auto& [name, buffer] : buffers_for(*backend, context_encoder)) {
    shared.emplace(name, buffer);
  }
  std::map<std::string, void*> addresses;
  for (const auto& [name, buffer] : shared) {
    addresses[name] = buffer->address();
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer->address()) % 64, 0U) << name;
  }
  const auto first = backend->bind("conditioner", shared);
  const auto second = backend->bind("context_encoder", shared);
  shared.at("embedding")->write_values<float>(std::vector<float>(shared.at("embedding")->port().count(), 0.5F));
  first->run();
  second->run();

  // The same with copies between the two.
  Buffers apart = buffers_for(*backend, context_encoder);
  for (const Port& port : context_encoder.inputs) {
    if (port.name.starts_with("cross_")) {
      apart.at(port.name)->write_values<float>(floats(*shared.at(port.name)));
    }
  }
  backend->bind("context_encoder", apart)->run();
  const Buffers untouched = buffers_for(*backend, context_encoder);
  backend->bind("context_encoder", untouched)->run();
  EXPECT_EQ(floats(*shared.at("self_k_00")), floats(*apart.at("self_k_00")));
  EXPECT_NE(floats(*shared.at("self_k_00")), floats(*untouched.at("self_k_00"))) << "the keys depend on nothing: this test proves nothing";

  for (const auto& [name, buffer] : shared) {
    EXPECT_EQ(buffer->address(), addresses[name]) << name;
    std::vector<std::byte> read(buffer->port().bytes());
    buffer->read(read);
    EXPECT_EQ(std::memcmp(read.data(), buffer->address(), read.size()), 0) << name;
  }
}

/// Audio of each turn of the codec's decoder, with its state fed from turn to turn or, as a control, read from one place for ever.
std::vector<std::vector<float>> turns(const Bundle& bundle, const std::map<std::string, Array>& arrays, bool fed) {
  const auto backend = make_onnxruntime_backend(bundle, one_thread());
  Buffers even = buffers_for(*backend, bundle.graph("codec_decoder"));
  Buffers odd = even;
  std::swap(odd.at("state_tail"), odd.at("state_tail_out"));
  even.at("state_tail")->write(arrays.at("state_tail").data);
  const std::unique_ptr<Binding> bindings[] = {backend->bind("codec_decoder", even), backend->bind("codec_decoder", odd)};
  std::vector<std::vector<float>> audio;
  for (std::size_t turn = 0; arrays.contains("frames_" + std::to_string(turn)); ++turn) {
    even.at("frames")->write(arrays.at("frames_" + std::to_string(turn)).data);
    bindings[fed ? turn % 2 : 0]->run();
    audio.push_back(floats(*even.at("audio")));
  }
  return audio;
}

TEST(Binding, StateIsFedInTurn) {
  const Bundle bundle = load("encoder-decoder");
  const Fixture& fixture = bundle.manifest().fixtures.at("turns");
  const auto arrays = bundle.arrays(fixture.file);
  const auto fed = turns(bundle, arrays, true), forgotten = turns(bundle, arrays, false);
  ASSERT_GE(fed.size(), 3U);
  for (std::size_t turn = 0; turn < fed.size(); ++turn) {
    const std::vector<float> expected = floats(arrays.at("audio_" + std::to_string(turn)));
    EXPECT_LE(furthest(fed[turn], expected), fixture.tolerance.at("max_abs")) << turn;
    if (turn > 0) {
      EXPECT_GT(furthest(forgotten[turn], expected), fixture.tolerance.at("max_abs")) << turn;
    }
  }
}

TEST(Binding, ABindingOutlivesTheBackendAndItsBuffers) {
  std::unique_ptr<Binding> binding;
  std::shared_ptr<Buffer> output;
  {
    const Bundle bundle = load("encoder-decoder");
    const auto backend = make_onnxruntime_backend(bundle, one_thread());
    Buffers buffers = buffers_for(*backend, bundle.graph("cached_decoder"));
    output = buffers.at("velocity");
    binding = backend->bind("cached_decoder", buffers);
  }
  binding->run();
  EXPECT_EQ(floats(*output).size(), output->port().count());
}

TEST(Binding, WrongBuffersAreRefused) {
  const Bundle bundle = load("encoder-decoder");
  const auto backend = make_onnxruntime_backend(bundle, one_thread());
  const Buffers buffers = buffers_for(*backend, bundle.graph("conditioner"));
  const auto refused = [&](const std::string& port, std::shared_ptr<Buffer> other, const std::vector<std::string>& words) {
    Buffers changed = buffers;
    changed[port] = std::move(other);
    expect_error(ErrorKind::runtime, words, [&] { static_cast<void>(backend->bind("conditioner", changed)); });
  };
  expect_error(ErrorKind::runtime, {"graph conditioner was bound without embedding", "pass a buffer of this backend"},
               [&] { static_cast<void>(backend->bind("conditioner", {})); });
  refused("seconds", nullptr, {"was bound without seconds"});
  refused("seconds", backend->buffer({"seconds", {2}, DType::float32}),
          {"graph conditioner takes seconds as float32 [1], its buffer is float32 [2]", "lmdm export"});
  refused("seconds", backend->buffer({"seconds", {1}, DType::int64}), {"takes seconds as float32 [1], its buffer is int64 [1]"});
  refused("global_embed", backend->buffer({"global_embed", {1, 7}, DType::float32}), {"takes global_embed as float32 [1, 6]"});
  const auto other = make_onnxruntime_backend(bundle, one_thread());
  refused("seconds", other->buffer({"seconds", {1}, DType::float32}), {"was bound without seconds", "of this backend"});
  expect_error(ErrorKind::bundle, {"nonsense"}, [&] { static_cast<void>(backend->bind("nonsense", buffers)); });
  EXPECT_NO_THROW(static_cast<void>(backend->bind("conditioner", buffers)));
}

TEST(Binding, ABufferTakesExactlyItsBytes) {
  const auto backend = make_onnxruntime_backend(load("encoder-decoder"), one_thread());
  const auto buffer = backend->buffer({"x", {2, 3}, DType::float32});
  std::vector<float> values(7);
  expect_error(ErrorKind::runtime, {"the buffer of x was given 28 bytes, it has 24", "float32 [2, 3]"},
               [&] { buffer->write_values<float>(values); });
  expect_error(ErrorKind::runtime, {"28 bytes"}, [&] { buffer->read_values<float>(values); });
  EXPECT_EQ(floats(*buffer), std::vector<float>(6));
}

struct Refusal {
  std::string bundle, graph;
  std::vector<std::string> words;
};

void PrintTo(const Refusal& refusal, std::ostream* stream) { *stream << refusal.bundle; }

class Refused : public ::testing::TestWithParam<Refusal> {};

TEST_P(Refused, InOneSentence) {
  expect_error(ErrorKind::bundle, GetParam().words, [] {
    const Bundle bundle = load(GetParam().bundle);
    const auto backend = make_onnxruntime_backend(bundle, one_thread());
    static_cast<void>(backend->bind(GetParam().graph, buffers_for(*backend, bundle.graph(GetParam().graph))));
  });
}

INSTANTIATE_TEST_SUITE_P(
    Bundles, Refused,
    ::testing::Values(
        Refusal{"unknown-operator",
                "codec_encoder",
                {"codec_encoder.onnx does not load in ONNX Runtime 1.", "Nonsense", "pip install -U lmdm"}},
        Refusal{"renamed-output", "cached_decoder", {"cached_decoder.onnx and the manifest disagree on output other", "only in the graph"}},
        Refusal{"other-shape",
                "conditioner",
                {"conditioner.onnx has input embedding as tensor(float) [7, 5, 4], the manifest states tensor(float) [1, 5, 4]"}},
        Refusal{"other-type", "text_encoder", {"text_encoder.onnx"}},
        Refusal{"past-the-end",
                "codec_decoder",
                {"codec_decoder.onnx takes decoder as 64 bytes", "at byte 1099511627776 of graphs/weights.bin"}},
        Refusal{"longer-than-its-shape", "codec_decoder", {"codec_decoder.onnx takes decoder as 4 bytes for [2, 8]"}}),
    [](const auto& instance) {
      std::string name = instance.param.bundle;
      std::replace(name.begin(), name.end(), '-', '_');
      return name;
    });

TEST(Binding, ARunLeavesTheCallersDenormalsAlone) {
  const Bundle bundle = load("encoder-decoder");
  const auto backend = make_onnxruntime_backend(bundle, one_thread());
  Buffers buffers = buffers_for(*backend, bundle.graph("codec_decoder"));
  const auto binding = backend->bind("codec_decoder", buffers);
  const auto is_zero = [](float value) {
    volatile float denormal = std::numeric_limits<float>::min();
    denormal = denormal * value;
    return denormal == 0.0F;
  };
  EXPECT_FALSE(is_zero(0.5F));
  // The state is halved and added to nothing: in the run it counts as zero.
  const float tiny = std::numeric_limits<float>::min() / 4;
  buffers.at("state_tail")->write_values<float>(std::vector<float>{tiny});
  binding->run();
  EXPECT_EQ(floats(*buffers.at("state_tail_out")).front(), 0.0F);
  EXPECT_FALSE(is_zero(0.5F));
}

}  // namespace
}  // namespace lmdm::testing
