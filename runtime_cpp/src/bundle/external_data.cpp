#include "bundle/external_data.h"

#include <array>
#include <cstdint>
#include <fstream>
#include <stdexcept>

namespace lmdm::bundles {

namespace {

// The messages of onnx.proto on the way from a model to the location of a tensor.
enum class Message { model, graph, node, attribute, function, training, sparse, tensor, entry };

struct Field {
  Message in;
  std::uint64_t number;
  Message holds;
};

constexpr std::array<Field, 21> fields = {
    {{Message::model, 7, Message::graph},         {Message::model, 20, Message::training},   {Message::model, 25, Message::function},
     {Message::training, 1, Message::graph},      {Message::training, 2, Message::graph},    {Message::function, 7, Message::node},
     {Message::function, 11, Message::attribute}, {Message::graph, 1, Message::node},        {Message::graph, 5, Message::tensor},
     {Message::graph, 15, Message::sparse},       {Message::node, 5, Message::attribute},    {Message::attribute, 5, Message::tensor},
     {Message::attribute, 6, Message::graph},     {Message::attribute, 10, Message::tensor}, {Message::attribute, 11, Message::graph},
     {Message::attribute, 22, Message::sparse},   {Message::attribute, 23, Message::sparse}, {Message::sparse, 1, Message::tensor},
     {Message::sparse, 2, Message::tensor},       {Message::tensor, 13, Message::entry},     {Message::entry, 0, Message::entry}}};

[[noreturn]] void fail(const std::string& why) {
  throw std::runtime_error(why);
}

/// Walks the messages and passes over tensors' values, so a graph with its weights inside costs no memory.
class Scan {
 public:
  explicit Scan(const std::filesystem::path& onnx) : stream_(onnx, std::ios::binary), size_(std::filesystem::file_size(onnx)) {
    if (!stream_) fail("it cannot be opened");
  }

  std::set<std::string> locations() {
    message(Message::model, size_, 0);
    return std::move(locations_);
  }

 private:
  std::ifstream stream_;
  std::uint64_t size_, at_ = 0;
  std::set<std::string> locations_;

  std::uint64_t varint(std::uint64_t end) {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const int byte = at_ < end ? stream_.get() : -1;
      if (byte < 0) fail("it ends within a number");
      ++at_;
      value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    fail("a number is too long");
  }

  void skip(std::uint64_t bytes, std::uint64_t end) {
    if (bytes > end - at_) fail("it ends within a field");
    at_ += bytes;
    stream_.seekg(static_cast<std::streamoff>(at_));
  }

  std::string text(std::uint64_t bytes) {
    constexpr std::uint64_t longest = 4096;
    if (bytes > longest) fail("a name is too long");
    std::string found(static_cast<std::size_t>(bytes), '\0');
    stream_.read(found.data(), static_cast<std::streamsize>(bytes));
    if (!stream_) fail("it ends within a name");
    at_ += bytes;
    return found;
  }

  /// Fields of a message up to `end`; groups are not part of the format.
  void message(Message kind, std::uint64_t end, int depth) {
    constexpr int deepest = 100;  // as in protobuf itself
    if (depth > deepest) fail("it is nested too deep");
    std::string key, value;
    while (at_ < end) {
      const std::uint64_t tag = varint(end), number = tag >> 3;
      switch (tag & 7) {
        case 0:
          static_cast<void>(varint(end));
          break;
        case 1:
          skip(8, end);
          break;
        case 5:
          skip(4, end);
          break;
        case 2: {
          const std::uint64_t length = varint(end);
          if (length > end - at_) fail("it ends within a field");
          if (kind == Message::entry && (number == 1 || number == 2)) {
            (number == 1 ? key : value) = text(length);
          } else {
            field(kind, number, length, end, depth);
          }
          break;
        }
        default:
          fail("an unknown kind of field");
      }
    }
    if (kind == Message::entry && key == "location") locations_.insert(value);
  }

  void field(Message kind, std::uint64_t number, std::uint64_t length, std::uint64_t end, int depth) {
    for (const Field& known : fields) {
      if (known.in == kind && known.number == number) return message(known.holds, at_ + length, depth + 1);
    }
    skip(length, end);
  }
};

}  // namespace

std::set<std::string> external_data(const std::filesystem::path& onnx) {
  return Scan(onnx).locations();
}

}  // namespace lmdm::bundles
