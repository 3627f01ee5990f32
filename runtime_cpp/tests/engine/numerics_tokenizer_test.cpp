// What a tokenizer refuses; tests/runtime_cpp compares its ids with Python's.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "engine/tokenizer.h"
#include "lmdm/error.h"

namespace {

namespace fs = std::filesystem;

class TokenizerFile : public testing::Test {
 protected:
  void SetUp() override {
    path_ = fs::path(testing::TempDir()) / (std::string(testing::UnitTest::GetInstance()->current_test_info()->name()) + ".model");
  }
  void TearDown() override { fs::remove(path_); }
  std::string refusal_of(const std::string& content) {
    std::ofstream(path_, std::ios::binary) << content;
    return refusal();
  }
  std::string refusal() {
    try {
      lmdm::Tokenizer(path_, 8, true);
    } catch (const lmdm::Error& error) {
      EXPECT_EQ(error.kind(), lmdm::ErrorKind::bundle);
      return error.what();
    }
    return "nothing was refused";
  }
  fs::path path_;
};

TEST_F(TokenizerFile, RefusesWhatIsNoModel) {
  const std::string sentence = path_.string() + " is no sentencepiece model; export the checkpoint again with lmdm export";
  EXPECT_EQ(refusal(), sentence) << "no file";
  EXPECT_EQ(refusal_of(""), sentence);
  EXPECT_EQ(refusal_of("\xFF\xFF no protobuf"), sentence);
}

}  // namespace
