#include "bundle/npy.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <stdexcept>
#include <string>

namespace lmdm::bundles {

namespace {

[[noreturn]] void fail(const std::string& why) {
  throw std::runtime_error(why);
}

/// The dictionary of a header: `{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }`, keys in any order.
class Dictionary {
 public:
  explicit Dictionary(std::string_view text) : rest_(text) {}

  void read() {
    expect('{');
    while (!taken('}')) {
      const std::string key = quoted();
      expect(':');
      if (key == "descr" && descr.empty()) {
        descr = quoted();
      } else if (key == "fortran_order") {
        fortran_order = word() == "True";
      } else if (key == "shape" && !has_shape_) {
        read_shape();
      } else {
        fail("its header has an unknown key");
      }
      if (!taken(',')) {
        expect('}');
        break;
      }
    }
    blanks();
    if (!rest_.empty() || descr.empty() || !has_shape_) fail("its header is incomplete");
  }

  std::string descr;
  Shape shape;
  bool fortran_order = false;

 private:
  std::string_view rest_;
  bool has_shape_ = false;

  void blanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \n"), rest_.size())); }

  bool taken(char c) {
    blanks();
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  void expect(char c) {
    if (!taken(c)) fail("its header is no dictionary");
  }

  std::string quoted() {
    expect('\'');
    const std::size_t end = rest_.find('\'');
    if (end == std::string_view::npos) fail("its header is no dictionary");
    const std::string text(rest_.substr(0, end));
    rest_.remove_prefix(end + 1);
    return text;
  }

  std::string word() {
    blanks();
    const std::size_t end = std::min(rest_.find_first_of(", }"), rest_.size());
    const std::string text(rest_.substr(0, end));
    if (text != "True" && text != "False") fail("its header is no dictionary");
    rest_.remove_prefix(end);
    return text;
  }

  void read_shape() {
    constexpr std::size_t most_axes = 32;
    has_shape_ = true;
    expect('(');
    while (!taken(')')) {
      blanks();
      std::int64_t axis = 0;
      const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), axis);
      if (error != std::errc() || axis < 0 || shape.size() == most_axes) fail("its shape is none");
      rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
      shape.push_back(axis);
      if (!taken(',')) {
        expect(')');
        break;
      }
    }
  }
};

void set_type(NpyHeader& header, const std::string& descr) {
  struct Known {
    std::string_view descr;
    DType type;
    std::size_t bytes;
  };
  static constexpr std::array<Known, 6> types = {{{"<f4", DType::float32, 4},
                                                  {"<f2", DType::float16, 2},
                                                  {"<i8", DType::int64, 8},
                                                  {"<i4", DType::int32, 4},
                                                  {"<i2", DType::int32, 2},
                                                  {"|b1", DType::boolean, 1}}};
  for (const Known& known : types) {
    if (known.descr != descr) continue;
    header.type = known.type;
    header.stored_bytes = known.bytes;
    return;
  }
  std::int64_t width = 0;
  if (descr.starts_with("<U")) {
    const auto [end, error] = std::from_chars(descr.data() + 2, descr.data() + descr.size(), width);
    if (error != std::errc() || end != descr.data() + descr.size() || width < 0) width = 0;
  }
  if (width == 0) fail("type " + descr.substr(0, 40) + ", expected float32, float16, int64, int32, int16, bool or text");
  header.type = DType::int32;
  header.stored_bytes = 4;
  header.shape.push_back(width);
  header.text = true;
}

std::vector<std::byte> by_rows(const Shape& shape, std::size_t element, const std::vector<std::byte>& columns) {
  std::vector<std::byte> rows(columns.size());
  std::vector<std::size_t> at(shape.size(), 0), stride(shape.size(), element);
  for (std::size_t axis = 1; axis < shape.size(); ++axis) stride[axis] = stride[axis - 1] * static_cast<std::size_t>(shape[axis - 1]);
  std::size_t from = 0;
  for (std::size_t to = 0; to < rows.size(); to += element) {
    std::memcpy(rows.data() + to, columns.data() + from, element);
    // The next place row by row: the last axis runs fastest.
    for (std::size_t axis = shape.size(); axis-- > 0;) {
      from += stride[axis];
      if (++at[axis] < static_cast<std::size_t>(shape[axis])) break;
      from -= stride[axis] * at[axis];
      at[axis] = 0;
    }
  }
  return rows;
}

std::vector<std::byte> widened(const std::vector<std::byte>& stored) {
  std::vector<std::byte> wide(2 * stored.size());
  for (std::size_t i = 0; i + 1 < stored.size(); i += 2) {
    std::int16_t narrow = 0;
    std::memcpy(&narrow, stored.data() + i, sizeof narrow);
    const std::int32_t value = narrow;
    std::memcpy(wide.data() + 2 * i, &value, sizeof value);
  }
  return wide;
}

}  // namespace

std::vector<std::byte> elements_of(const NpyHeader& header, std::vector<std::byte> stored) {
  if (header.by_columns) {
    const Shape shape(header.shape.begin(), header.shape.end() - (header.text ? 1 : 0));
    stored = by_rows(shape, header.stored_bytes * (header.text ? static_cast<std::size_t>(header.shape.back()) : 1), stored);
  }
  return header.type == DType::int32 && header.stored_bytes == 2 ? widened(stored) : stored;
}

NpyHeader read_npy_header(std::string_view start, std::size_t file_size) {
  constexpr std::string_view magic = "\x93NUMPY";
  if (start.size() < 10 || !start.starts_with(magic)) fail("it is no npy file");
  const auto byte = [start](std::size_t at) { return static_cast<std::size_t>(static_cast<unsigned char>(start[at])); };
  const std::size_t version = byte(6), first = version == 1 ? 10 : 12;
  if (version < 1 || version > 3 || start.size() < first) fail("its npy version is unknown");
  const std::size_t length = version == 1 ? byte(8) | byte(9) << 8 : byte(8) | byte(9) << 8 | byte(10) << 16 | byte(11) << 24;
  if (length > start.size() - first) fail("its header does not end");
  Dictionary dictionary(start.substr(first, length));
  dictionary.read();
  NpyHeader header{DType::float32, dictionary.shape, 0, first + length, false, dictionary.fortran_order && dictionary.shape.size() > 1};
  set_type(header, dictionary.descr);
  if (count_of(header.shape) > file_size / header.stored_bytes || header.offset + header.size() != file_size) {
    fail("its shape " + to_string(header.shape) + " does not fill its " + std::to_string(file_size) + " bytes");
  }
  return header;
}

}  // namespace lmdm::bundles
