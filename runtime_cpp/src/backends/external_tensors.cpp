#include "backends/external_tensors.h"

#include <charconv>
#include <optional>
#include <string_view>

namespace lmdm::ort {
namespace {

// Field numbers of onnx.proto.
constexpr std::uint64_t model_graph = 7, graph_initializer = 5;
constexpr std::uint64_t tensor_dims = 1, tensor_type = 2, tensor_name = 8, tensor_external = 13, tensor_location = 14;
constexpr std::uint64_t entry_key = 1, entry_value = 2;
constexpr std::uint64_t location_external = 1;

struct Malformed {};

/// One field of a message: a number, or bytes.
struct Field {
  std::uint64_t number = 0;
  std::uint64_t value = 0;
  std::string_view bytes;
  bool is_bytes = false;
};

/// Reads the fields of one protobuf message in turn.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : left_(bytes) {}

  [[nodiscard]] bool done() const noexcept { return left_.empty(); }

  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1).front());
      value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if (byte < 0x80U) {
        return value;
      }
    }
    throw Malformed{};
  }

  Field field() {
    const std::uint64_t tag = varint();
    Field field;
    field.number = tag >> 3U;
    switch (tag & 7U) {
      case 0:
        field.value = varint();
        break;
      case 1:
        take(8);
        break;
      case 2:
        field.bytes = take(varint());
        field.is_bytes = true;
        break;
      case 5:
        take(4);
        break;
      default:
        throw Malformed{};
    }
    return field;
  }

 private:
  std::string_view take(std::uint64_t count) {
    if (count > left_.size()) {
      throw Malformed{};
    }
    const std::string_view taken = left_.substr(0, count);
    left_.remove_prefix(count);
    return taken;
  }

  std::string_view left_;
};

template <class Visit>
void each_field(std::string_view message, const Visit& visit) {
  for (Reader reader(message); !reader.done();) {
    visit(reader.field());
  }
}

std::uint64_t decimal(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    throw Malformed{};
  }
  return value;
}

void read_entry(std::string_view message, ExternalTensor& tensor) {
  std::string_view key, value;
  each_field(message, [&](const Field& field) {
    if (field.number == entry_key) {
      key = field.bytes;
    } else if (field.number == entry_value) {
      value = field.bytes;
    }
  });
  if (key == "location") {
    tensor.location = value;
  } else if (key == "offset") {
    tensor.offset = decimal(value);
  } else if (key == "length") {
    tensor.length = decimal(value);
  }
}

void read_dims(const Field& field, Shape& shape) {
  if (!field.is_bytes) {
    shape.push_back(static_cast<std::int64_t>(field.value));
    return;
  }
  for (Reader packed(field.bytes); !packed.done();) {
    shape.push_back(static_cast<std::int64_t>(packed.varint()));
  }
}

std::optional<ExternalTensor> read_tensor(std::string_view message) {
  ExternalTensor tensor;
  bool external = false;
  each_field(message, [&](const Field& field) {
    switch (field.number) {
      case tensor_dims:
        read_dims(field, tensor.shape);
        break;
      case tensor_type:
        tensor.type = static_cast<int>(field.value);
        break;
      case tensor_name:
        tensor.name = field.bytes;
        break;
      case tensor_external:
        read_entry(field.bytes, tensor);
        break;
      case tensor_location:
        external = field.value == location_external;
        break;
      default:
        break;
    }
  });
  return external ? std::optional(std::move(tensor)) : std::nullopt;
}

}  // namespace

std::vector<ExternalTensor> external_tensors(std::span<const std::byte> model) {
  std::vector<ExternalTensor> tensors;
  try {
    each_field({reinterpret_cast<const char*>(model.data()), model.size()}, [&](const Field& part) {
      if (part.number != model_graph) {
        return;
      }
      each_field(part.bytes, [&](const Field& field) {
        if (field.number != graph_initializer) {
          return;
        }
        if (auto tensor = read_tensor(field.bytes)) {
          tensors.push_back(*std::move(tensor));
        }
      });
    });
  } catch (const Malformed&) {
    return {};
  }
  return tensors;
}

}  // namespace lmdm::ort
