// Buffers of half precision are read and written with the bits that numpy gives.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "engine/float_io.h"
#include "streams_fake.h"

namespace lmdm {
namespace {

Port halves(std::size_t count) {
  return {"halves", {static_cast<std::int64_t>(count)}, DType::float16};
}

TEST(StreamsFloatIo, ValuesAreRoundedAsByNumpy) {
  const float infinite = std::numeric_limits<float>::infinity();
  const std::vector<std::pair<float, std::uint16_t>> known{
      {0.0F, 0x0000},           {-0.0F, 0x8000},          {1.0F, 0x3c00},           {-2.0F, 0xc000},          {0.1F, 0x2e66},
      {0.33333334F, 0x3555},    {3.14159F, 0x4248},       {65504.0F, 0x7bff},       {65519.988F, 0x7bff},     {65520.0F, 0x7c00},
      {1e6F, 0x7c00},           {-infinite, 0xfc00},      {6.1035156e-05F, 0x0400}, {6.0975552e-05F, 0x03ff}, {6.1e-05F, 0x03ff},
      {5.9604645e-08F, 0x0001}, {2.9802322e-08F, 0x0000}, {2.9802326e-08F, 0x0001}, {8.940697e-08F, 0x0002},  {1e-09F, 0x0000},
      {2049.0F, 0x6800},        {2051.0F, 0x6802},        {0.99975586F, 0x3c00}};
  std::vector<float> values;
  std::vector<std::uint16_t> expected, found(known.size());
  for (const auto& [value, bits] : known) {
    values.push_back(value);
    expected.push_back(bits);
  }
  fake::HostBuffer buffer(halves(known.size()));
  write_floats(buffer, values);
  buffer.read_values(std::span<std::uint16_t>(found));
  EXPECT_EQ(found, expected);
}

TEST(StreamsFloatIo, EveryHalfComesBack) {
  constexpr std::size_t count = 1 << 16;
  std::vector<std::uint16_t> all, found(count);
  for (std::uint32_t bits = 0; bits < count; ++bits) all.push_back(static_cast<std::uint16_t>(bits));
  fake::HostBuffer buffer(halves(count));
  buffer.write_values(std::span<const std::uint16_t>(all));
  const std::vector<float> values = read_floats(buffer);
  EXPECT_EQ(values[0x3c00], 1.0F);
  EXPECT_EQ(values[0x7bff], 65504.0F);
  EXPECT_EQ(values[0x8001], -0x1p-24F);
  write_floats(buffer, values);
  buffer.read_values(std::span<std::uint16_t>(found));
  for (std::size_t bits = 0; bits < count; ++bits) {
    if (std::isnan(values[bits])) {
      EXPECT_GT(found[bits] & 0x7fffu, 0x7c00u);
    } else {
      EXPECT_EQ(found[bits], bits);
    }
  }
}

TEST(StreamsFloatIo, OtherTypesAreRefused) {
  fake::HostBuffer buffer({"past_frames", {1}, DType::int64});
  EXPECT_EQ(fake::refusal(ErrorKind::bundle, [&] { (void)read_floats(buffer); }),
            "a graph has past_frames of type int64, expected float32 or float16; export the checkpoint again with lmdm export");
}

}  // namespace
}  // namespace lmdm
