// Which file of a graph is played. The fused decoder of the bundle "fused" gives velocities one too large, and so is told apart.
#include "support.h"

namespace lmdm::testing {
namespace {

std::vector<float> velocity(const Bundle& bundle, bool fused) {
  OnnxRuntimeOptions options = one_thread();
  options.fused = fused;
  const auto backend = make_onnxruntime_backend(bundle, options);
  const Buffers buffers = buffers_for(*backend, bundle.graph("cached_decoder"));
  buffers.at("x")->write_values<float>(std::vector<float>(buffers.at("x")->port().count(), 0.5F));
  backend->bind("cached_decoder", buffers)->run();
  return floats(*buffers.at("velocity"));
}

TEST(Fused, TheProcessorPlaysTheFusedFileUnlessTold) {
  const Bundle bundle = load("fused");
  const std::vector<float> plain = velocity(bundle, false), fused = velocity(bundle, true);
  ASSERT_EQ(plain.size(), fused.size());
  for (std::size_t i = 0; i < plain.size(); ++i) EXPECT_NEAR(fused[i], plain[i] + 1, 1e-6);
}

TEST(Fused, ABundleWithoutOnePlaysThePlainFile) {
  EXPECT_EQ(velocity(load("encoder-decoder"), true), velocity(load("fused"), false));
}

}  // namespace
}  // namespace lmdm::testing
