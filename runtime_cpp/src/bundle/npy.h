#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "lmdm/array.h"

namespace lmdm::bundles {

/// What the header of an npy file says. A text array is int32 code points with the width as its last axis, int16 becomes int32.
struct NpyHeader {
  DType type = DType::float32;
  Shape shape;
  std::size_t stored_bytes = 0;  ///< of one element, as it lies in the file
  std::size_t offset = 0;        ///< of the first element
  bool text = false;             ///< the last axis of `shape` is the width
  bool by_columns = false;       ///< Fortran's order: the first axis runs fastest

  /// Bytes of the elements as they lie in the file.
  [[nodiscard]] std::size_t size() const noexcept { return count_of(shape) * stored_bytes; }
};

/// Bytes that hold every header that is accepted.
inline constexpr std::size_t longest_npy_header = 65536;

/// Reads the header at the start of a file; `file_size` is that of the whole. Little-endian.
/// Throws std::runtime_error with the reason in words, also where the elements do not fill the file exactly.
[[nodiscard]] NpyHeader read_npy_header(std::string_view start, std::size_t file_size);

/// The elements as an `Array` holds them: row by row, int16 as int32.
[[nodiscard]] std::vector<std::byte> elements_of(const NpyHeader& header, std::vector<std::byte> stored);

}  // namespace lmdm::bundles
