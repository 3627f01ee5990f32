#pragma once

#include <string>
#include <utility>
#include <vector>

/// Files in the formats of a bundle, byte by byte, so that a test can also write what no library would.
namespace lmdm::testing {

using Members = std::vector<std::pair<std::string, std::string>>;

/// An npy file: a version 1 header with that dictionary, and the data as it is.
[[nodiscard]] std::string npy(const std::string& dictionary, const std::string& data);
/// float32 zeros of a shape such as "(1, 2)" with that many elements.
[[nodiscard]] std::string npy_zeros(const std::string& shape, std::size_t count);
/// A zip archive whose members are stored as they are. `claimed` is added to the size that the archive states of every member.
[[nodiscard]] std::string zip(const Members& members, std::uint32_t claimed = 0);
/// A field of a protobuf message that holds text or a message.
[[nodiscard]] std::string field(unsigned number, const std::string& content);
/// An ONNX model with one initializer whose values lie in another file.
[[nodiscard]] std::string onnx(const std::string& location);
[[nodiscard]] std::string sha256(const std::string& bytes);

}  // namespace lmdm::testing
