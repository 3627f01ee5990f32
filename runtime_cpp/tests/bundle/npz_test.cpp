// Headers by hand; files of numpy itself are compared in tests/runtime_cpp.
#include "bundle/npz.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <stdexcept>

#include "bundle/npy.h"
#include "tiny_bundle.h"
#include "tiny_formats.h"

namespace {

using namespace lmdm::testing;

std::string header_reason(const std::string& file) {
  try {
    static_cast<void>(lmdm::bundles::read_npy_header(file, file.size()));
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

std::string dictionary(const std::string& type, const std::string& shape) {
  return "{'descr': '" + type + "', 'fortran_order': False, 'shape': " + shape + ", }";
}

TEST(Npy, HeadersThatAreRefused) {
  const std::string four(4, '\0');
  EXPECT_EQ(header_reason(npy(dictionary("<f4", "(1,)"), four)), "");
  for (const char* type : {"|O", "<f8", ">f4", "<U0", "<U-1", "<U99999999999999999999", ""})
    EXPECT_NE(header_reason(npy(dictionary(type, "(1,)"), four)), "");
  for (const char* shape : {"(2,)", "(-1,)", "(4294967296, 4294967296)", "(99999999999999999999,)", "1", "(1", "(1.0,)", "(,)"}) {
    EXPECT_NE(header_reason(npy(dictionary("<f4", shape), four)), "") << shape;
  }
  EXPECT_NE(header_reason(npy("{'descr': '<f4', 'shape': (1,), }", four)), header_reason(npy("{'descr': '<f4', }", four)));
  EXPECT_NE(header_reason("\x93NUMPY\x04"), "");
  EXPECT_NE(header_reason(std::string("\x93NUMPY\1\0\xff\xff{", 11)), "") << "a header that does not end";
}

TEST(Npz, SizesAreCheckedBeforeMemoryIsAsked) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "x.npz";
  const auto reason = [&file](const std::string& archive) -> std::string {
    std::ofstream(file, std::ios::binary) << archive;
    try {
      static_cast<void>(lmdm::bundles::read_npz(file));
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "";
  };
  const std::string one = npy_zeros("(1,)", 1);
  EXPECT_EQ(reason(zip({{"a.npy", one}, {"b.npy", one}})), "");
  EXPECT_NE(reason(zip({{"a.npy", one}}, 0x7FFFFFFF)), "");
  EXPECT_NE(reason(zip({{"a.npy", one}, {"a.npy", one}})), "");
  EXPECT_NE(reason(zip({{"a.txt", one}})), "");
  std::string changed = zip({{"a.npy", one}});
  changed[changed.find("(1,)") + 60] ^= 1;
  EXPECT_NE(reason(changed), "") << "the checksum";
}

TEST(Npz, TextIsUtf8) {
  lmdm::Array array{lmdm::DType::int32, {2, 2}, std::vector<std::byte>(16)};
  const std::int32_t points[] = {0xE4, 0x1F3B5, 'a', 0};
  std::memcpy(array.data.data(), points, sizeof points);
  EXPECT_EQ(lmdm::texts(array), (std::vector<std::string>{"\xc3\xa4\xf0\x9f\x8e\xb5", "a"}));
}

}  // namespace
