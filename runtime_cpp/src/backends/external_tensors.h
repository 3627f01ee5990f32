#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lmdm/array.h"

namespace lmdm::ort {

/// An initialiser of a graph whose values lie in another file.
struct ExternalTensor {
  std::string name;
  Shape shape;
  int type = 0;          ///< as ONNX numbers it
  std::string location;  ///< relative to the graph's folder
  std::uint64_t offset = 0, length = 0;
};

/// The external initialisers of an ONNX file, those of nested graphs not counted; none where it is no ONNX file, which ONNX Runtime says.
[[nodiscard]] std::vector<ExternalTensor> external_tensors(std::span<const std::byte> model);

}  // namespace lmdm::ort
