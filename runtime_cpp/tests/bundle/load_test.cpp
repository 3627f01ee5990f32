// The whole of loading; every sentence is compared with Python's in tests/runtime_cpp.
#include <gtest/gtest.h>

#include "lmdm/bundle.h"
#include "lmdm/error.h"
#include "tiny_bundle.h"
#include "tiny_formats.h"

namespace {

using lmdm::testing::TemporaryFolder;
using lmdm::testing::TinyBundle;

std::string sentence(const std::filesystem::path& folder) {
  try {
    static_cast<void>(lmdm::Bundle::load(folder));
  } catch (const lmdm::Error& error) {
    EXPECT_EQ(error.kind(), lmdm::ErrorKind::bundle);
    return error.what();
  }
  return "";
}

TEST(Load, AWholeBundle) {
  const TemporaryFolder folder;
  TinyBundle().write(folder.path());
  const lmdm::Bundle bundle = lmdm::Bundle::load(folder.path());
  const lmdm::Bundle copy = bundle;
  EXPECT_EQ(&copy.manifest(), &bundle.manifest());
  EXPECT_EQ(bundle.graph("cached_decoder").input("x")->shape, (lmdm::Shape{1, 2, 2}));
  EXPECT_EQ(bundle.graph("cached_decoder").output("x"), nullptr);
  EXPECT_EQ(bundle.manifest().groups().size(), 4U);
  EXPECT_EQ(bundle.manifest().fixtures.at("block").tolerance.at("by_output.velocity"), 1e-6);
  ASSERT_TRUE(bundle.manifest().precision);
  EXPECT_EQ(bundle.manifest().precision->kind, "int8");
  EXPECT_EQ(bundle.manifest().precision->kept, std::vector<std::string>{"project_out"});
  EXPECT_EQ(bundle.manifest().precision->parity, 0.03);
  const auto arrays = bundle.arrays("fixtures/block.npz");
  EXPECT_EQ(lmdm::texts(arrays.at("timeline")), std::vector<std::string>{"a\xc3\xa4"});
  EXPECT_THROW(static_cast<void>(bundle.graph("none")), lmdm::Error);
  EXPECT_THROW(static_cast<void>(bundle.file("../x")), lmdm::Error);
  EXPECT_THROW(static_cast<void>(bundle.arrays("tokenizer.model")), lmdm::Error);
}

TEST(Load, WeightsOutsideOfTheBundle) {
  const TemporaryFolder folder;
  for (const std::string location : {"../../secret.bin", "/etc/passwd", "../tokenizer.model/../../../x"}) {
    TinyBundle bundle;
    bundle.files["graphs/sketch.onnx"] = lmdm::testing::onnx(location);
    bundle.seal();
    bundle.write(folder.path());
    EXPECT_NE(sentence(folder.path()).find("takes weights from '" + location + "', which lies outside of the bundle"), std::string::npos);
  }
  TinyBundle bundle;
  bundle.files["graphs/sketch.onnx"] = lmdm::testing::onnx("other.bin");
  bundle.seal();
  bundle.write(folder.path());
  EXPECT_NE(sentence(folder.path()).find("not in the manifest's list"), std::string::npos);
}

TEST(Load, NothingThere) {
  EXPECT_EQ(sentence("/nowhere/at/all"), "there is no bundle at /nowhere/at/all; write one with lmdm export");
  const TemporaryFolder folder;
  EXPECT_EQ(sentence(folder.path()), folder.path().string() + " is not a bundle: it has no manifest.json; write one with lmdm export");
}

}  // namespace
