#include "lmdm/array.h"

#include <limits>

namespace lmdm {

std::string_view name(DType type) noexcept {
  switch (type) {
    case DType::float32: return "float32";
    case DType::float16: return "float16";
    case DType::int64: return "int64";
    case DType::int32: return "int32";
    case DType::boolean: return "bool";
  }
  return "unknown";
}

std::size_t size_of(DType type) noexcept {
  switch (type) {
    case DType::int64: return 8;
    case DType::float32:
    case DType::int32: return 4;
    case DType::float16: return 2;
    case DType::boolean: return 1;
  }
  return 0;
}

std::size_t count_of(const Shape& shape) noexcept {
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
  std::size_t count = 1;
  bool overflow = false;
  for (const std::int64_t axis : shape) {
    const auto size = static_cast<std::size_t>(axis);
    if (size == 0) return 0;
    overflow = overflow || count > most / size;
    count = overflow ? most : count * size;
  }
  return count;
}

std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (const std::int64_t axis : shape) {
    if (text.size() > 1) text += ", ";
    text += std::to_string(axis);
  }
  return text + "]";
}

std::vector<std::string> texts(const Array& array) {
  const std::size_t width = array.shape.empty() ? 0 : static_cast<std::size_t>(array.shape.back());
  if (array.type != DType::int32 || width == 0) return {};
  std::vector<std::string> found(array.as<std::int32_t>().size() / width);
  for (std::size_t row = 0; row < found.size(); ++row) {
    for (const std::int32_t unit : array.as<std::int32_t>().subspan(row * width, width)) {
      const auto point = static_cast<std::uint32_t>(unit);
      const auto put = [&text = found[row]](std::uint32_t byte) { text += static_cast<char>(static_cast<unsigned char>(byte)); };
      if (point == 0) break;
      if (point < 0x80) {
        put(point);
      } else if (point < 0x800) {
        put(0xC0 | point >> 6);
        put(0x80 | (point & 0x3F));
      } else if (point < 0x10000) {
        put(0xE0 | point >> 12);
        put(0x80 | (point >> 6 & 0x3F));
        put(0x80 | (point & 0x3F));
      } else {
        put(0xF0 | (point >> 18 & 0x07));
        put(0x80 | (point >> 12 & 0x3F));
        put(0x80 | (point >> 6 & 0x3F));
        put(0x80 | (point & 0x3F));
      }
    }
  }
  return found;
}

}  // namespace lmdm
