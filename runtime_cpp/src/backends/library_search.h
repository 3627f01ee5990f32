#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace lmdm::ort {

/// A file, or a name for the loader, that may be ONNX Runtime.
struct Candidate {
  std::filesystem::path file;
};

/// Where ONNX Runtime may lie, best first, and every place that was looked at, in words.
struct Search {
  std::vector<Candidate> candidates;
  std::vector<std::string> places;
};

/// `configured` or, without it, the environment's LMDM_ONNXRUNTIME (each a file, or a folder that holds one) and nothing else; without
/// both: beside our own library, what the loader knows, and the wheel of a Python environment.
[[nodiscard]] Search search(const std::filesystem::path& configured);

}  // namespace lmdm::ort
