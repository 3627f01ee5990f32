#include "lmdm/array.h"

#include <limits>

namespace lmdm {

std::string_view name(DType type) noexcept {
  switch (type) {
    case DType::float32:
      return "float32";
    case DType::float16:
      return "float16";
    case DType::int64:
      return "int64";
    case DType::int32:
      return "int32";
    case DType::boolean:
      return "bool";
  }
  return "unknown";
}

std::size_t size_of(DType type) noexcept {
  switch (type) {
    case DType::int64:
      return 8;
    case DType::float32:
    case DType::int32:
      return 4;
    case DType::float16:
      return 2;
    case DType::boolean:
      return 1;
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

namespace {

void append_utf8(std::string& text, std::uint32_t point) {
  constexpr std::uint32_t replacement = 0xFFFD;
  if (point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) point = replacement;
  const auto put = [&text](std::uint32_t byte) { text += static_cast<char>(static_cast<unsigned char>(byte)); };
  if (point < 0x80) return put(point);
  const int following = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
  constexpr std::uint32_t first[] = {0, 0xC0, 0xE0, 0xF0};
  put(first[following] | point >> (6 * following));
  for (int i = following - 1; i >= 0; --i) put(0x80 | (point >> (6 * i) & 0x3F));
}

}  // namespace

std::vector<std::string> texts(const Array& array) {
  const std::size_t width = array.shape.empty() ? 0 : static_cast<std::size_t>(array.shape.back());
  if (array.type != DType::int32 || width == 0) return {};
  std::vector<std::string> found(array.as<std::int32_t>().size() / width);
  for (std::size_t row = 0; row < found.size(); ++row) {
    for (const std::int32_t unit : array.as<std::int32_t>().subspan(row * width, width)) {
      if (unit == 0) break;
      append_utf8(found[row], static_cast<std::uint32_t>(unit));
    }
  }
  return found;
}

}  // namespace lmdm
