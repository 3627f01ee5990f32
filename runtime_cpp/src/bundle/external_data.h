#pragma once

#include <filesystem>
#include <set>
#include <string>

namespace lmdm::bundles {

/// The files outside of itself that an ONNX graph takes weights from, as it names them.
/// Throws std::runtime_error with the reason in words: it is no protobuf message.
[[nodiscard]] std::set<std::string> external_data(const std::filesystem::path& onnx);

}  // namespace lmdm::bundles
