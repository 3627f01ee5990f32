#include "engine/float_io.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

#include "lmdm/error.h"

namespace lmdm {
namespace {

// IEEE 754 half precision by hand: C++20 has no type for it.
std::uint16_t to_half(float value) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000u);
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return static_cast<std::uint16_t>(sign | 0x7e00u);
  if (magnitude >= 0x477ff000u) return static_cast<std::uint16_t>(sign | 0x7c00u);  // 65520 and more round to infinity
  if (magnitude < 0x38800000u) {                                                    // below 2^-14 the steps are 2^-24 wide
    const float steps = std::nearbyint(std::bit_cast<float>(magnitude) * 0x1p24f);
    return static_cast<std::uint16_t>(sign | static_cast<std::uint16_t>(steps));
  }
  const std::uint32_t rounded = magnitude + 0xfffu + ((magnitude >> 13) & 1u);  // to nearest, ties to even
  return static_cast<std::uint16_t>(sign | ((rounded - (112u << 23)) >> 13));
}

float from_half(std::uint16_t half) noexcept {
  const bool negative = (half & 0x8000u) != 0;
  const std::uint32_t exponent = (half >> 10) & 0x1fu, fraction = half & 0x3ffu;
  float magnitude = 0;
  if (exponent == 0) {
    magnitude = static_cast<float>(fraction) * 0x1p-24f;
  } else if (exponent == 31) {
    magnitude = fraction == 0 ? std::numeric_limits<float>::infinity() : std::numeric_limits<float>::quiet_NaN();
  } else {
    magnitude = std::bit_cast<float>(((exponent + 112u) << 23) | (fraction << 13));
  }
  return negative ? -magnitude : magnitude;
}

void require_floats(const Port& port) {
  if (port.type != DType::float32 && port.type != DType::float16) {
    throw Error(ErrorKind::bundle, "a graph has " + port.name + " of type " + std::string(name(port.type)) +
                                       ", expected float32 or float16; export the checkpoint again with lmdm export");
  }
}

}  // namespace

void write_floats(Buffer& buffer, std::span<const float> values) {
  require_floats(buffer.port());
  if (buffer.port().type == DType::float32) {
    buffer.write_values(values);
    return;
  }
  std::vector<std::uint16_t> halves;
  halves.reserve(values.size());
  for (const float value : values) halves.push_back(to_half(value));
  buffer.write_values(std::span<const std::uint16_t>(halves));
}

void read_floats(const Buffer& buffer, std::span<float> values) {
  require_floats(buffer.port());
  if (buffer.port().type == DType::float32) {
    buffer.read_values(values);
    return;
  }
  std::vector<std::uint16_t> halves(values.size());
  buffer.read_values(std::span<std::uint16_t>(halves));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = from_half(halves[i]);
}

std::vector<float> read_floats(const Buffer& buffer) {
  std::vector<float> values(buffer.port().count());
  read_floats(buffer, values);
  return values;
}

}  // namespace lmdm
