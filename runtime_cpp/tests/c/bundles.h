#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

/// The tiny bundles that write_bundles.py wrote, one for each pattern; without them the test is skipped.
class PlayedBundle : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const char* const bundles = std::getenv("LMDM_TEST_BUNDLES");
    if (bundles == nullptr) GTEST_SKIP() << "no test bundles; run runtime_cpp/tests/c/write_bundles.py and set LMDM_TEST_BUNDLES";
    folder_ = std::string(bundles) + "/" + GetParam();
  }
  std::string folder_;
};
