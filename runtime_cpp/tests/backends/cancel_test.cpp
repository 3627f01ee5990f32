#include <algorithm>
#include <atomic>
#include <thread>

#include "support.h"

namespace lmdm::testing {
namespace {

/// The graph `slow`: `first` is written at once, and `last` after hundreds of products.
struct Slow {
  Bundle bundle = load("slow");
  std::shared_ptr<Backend> backend = make_onnxruntime_backend(bundle, one_thread());
  Buffers buffers = buffers_for(*backend, bundle.graph("slow"));
  std::unique_ptr<Binding> binding = backend->bind("slow", buffers);

  Slow() {
    // A matrix that leaves others as they are.
    const std::int64_t side = buffers.at("x")->port().shape.front();
    std::vector<float> identity(static_cast<std::size_t>(side * side));
    for (std::size_t i = 0; i < identity.size(); i += static_cast<std::size_t>(side) + 1) {
      identity[i] = 1;
    }
    buffers.at("x")->write_values<float>(identity);
  }

  [[nodiscard]] bool written(const std::string& name) const {
    return static_cast<const volatile float*>(buffers.at(name)->address())[0] != 0;
  }
};

TEST(Cancel, EndsTheRunThatIsUnderWay) {
  Slow slow;
  std::atomic<bool> over{false};
  std::thread other([&] {
    while (!slow.written("first") && !over) {
      std::this_thread::yield();
    }
    slow.backend->cancel();
  });
  expect_error(ErrorKind::cancelled, {"graph slow", "cancelled"}, [&] { slow.binding->run(); });
  over = true;
  other.join();
  EXPECT_TRUE(slow.written("first"));
  EXPECT_FALSE(slow.written("last"));
}

TEST(Cancel, EndsEveryLaterRunUntilResume) {
  Slow slow;
  slow.backend->cancel();
  slow.backend->cancel();
  for (int i = 0; i < 2; ++i) {
    expect_error(ErrorKind::cancelled, {"resume"}, [&] { slow.binding->run(); });
  }
  EXPECT_FALSE(slow.written("first"));
  slow.backend->resume();
  slow.binding->run();
  EXPECT_TRUE(slow.written("last"));
}

TEST(Cancel, LeavesOtherBackendsAlone) {
  const Bundle bundle = load("encoder-decoder");
  const auto cancelled = make_onnxruntime_backend(bundle, one_thread()), other = make_onnxruntime_backend(bundle, one_thread());
  cancelled->cancel();
  EXPECT_NO_THROW(other->bind("conditioner", buffers_for(*other, bundle.graph("conditioner")))->run());
}

TEST(Backends, TwoRunAtTheSameTime) {
  const Bundle bundle = load("block-causal");
  const auto arrays = bundle.arrays(bundle.manifest().fixtures.at("graph_context_encoder").file);
  const auto play = [&](double& error) {
    const auto backend = make_onnxruntime_backend(bundle, one_thread());
    const Buffers buffers = buffers_for(*backend, bundle.graph("context_encoder"));
    const auto binding = backend->bind("context_encoder", buffers);
    for (const Port& port : bundle.graph("context_encoder").inputs) {
      buffers.at(port.name)->write(arrays.at("input_" + port.name).data);
    }
    for (int i = 0; i < 50; ++i) {
      binding->run();
      error = std::max(error, furthest(floats(*buffers.at("self_k_00")), floats(arrays.at("output_self_k_00"))));
    }
  };
  double here = 0, there = 0;
  std::thread other([&] { play(there); });
  play(here);
  other.join();
  EXPECT_LE(std::max(here, there), 1e-6);
}

}  // namespace
}  // namespace lmdm::testing
