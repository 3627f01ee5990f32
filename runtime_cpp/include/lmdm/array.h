#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lmdm/export.h"

namespace lmdm {

enum class DType { float32, float16, int64, int32, boolean };

/// "float32", "float16", "int64", "int32" or "bool", as in a manifest.
[[nodiscard]] LMDM_EXPORT std::string_view name(DType type) noexcept;
/// Bytes of one element.
[[nodiscard]] LMDM_EXPORT std::size_t size_of(DType type) noexcept;

using Shape = std::vector<std::int64_t>;

/// Elements of a shape, all of whose axes are at least 0.
[[nodiscard]] LMDM_EXPORT std::size_t count_of(const Shape& shape) noexcept;
/// As in "[1, 32, 8]".
[[nodiscard]] LMDM_EXPORT std::string to_string(const Shape& shape);

/// One named input or output of a graph; shapes have no free axis.
struct Port {
  std::string name;
  Shape shape;
  DType type = DType::float32;

  [[nodiscard]] std::size_t count() const noexcept { return count_of(shape); }
  [[nodiscard]] std::size_t bytes() const noexcept { return count() * size_of(type); }
};

/// A tensor in host memory, row by row.
struct Array {
  DType type = DType::float32;
  Shape shape;
  std::vector<std::byte> data;

  /// The elements as T, which must be the C++ type of `type`.
  template <class T>
  [[nodiscard]] std::span<const T> as() const noexcept {
    return {reinterpret_cast<const T*>(data.data()), data.size() / sizeof(T)};
  }
};

/// The strings of a text array of an npz file in UTF-8. Such an array is read as int32 code points with one axis more, the width, padded
/// with zeros; one string has the shape [width]. Empty for any other array.
[[nodiscard]] LMDM_EXPORT std::vector<std::string> texts(const Array& array);

}  // namespace lmdm
