// Vectors of FIPS 180-4, as NIST publishes them.
#include "bundle/sha256.h"

#include <gtest/gtest.h>

#include <fstream>
#include <system_error>

#include "tiny_bundle.h"

namespace {

TEST(Sha256, KnownAnswers) {
  const lmdm::testing::TemporaryFolder folder;
  const auto file = folder.path() / "message";
  const auto digest_of = [&file](const std::string& message) {
    std::ofstream(file, std::ios::binary) << message;
    return lmdm::bundles::sha256_of(file);
  };
  EXPECT_EQ(digest_of(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(digest_of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(digest_of(std::string(1'000'000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, AFileThatIsNone) {
  EXPECT_THROW(static_cast<void>(lmdm::bundles::sha256_of("/nowhere/at/all")), std::system_error);
  EXPECT_THROW(static_cast<void>(lmdm::bundles::sha256_of("/")), std::system_error);
}

}  // namespace
