#pragma once

#include <string>

#include "backends/library.h"
#include "lmdm/array.h"

namespace lmdm::ort {

[[nodiscard]] constexpr ONNXTensorElementDataType element_type(DType type) noexcept {
  switch (type) {
    case DType::float16:
      return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16;
    case DType::int64:
      return ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64;
    case DType::int32:
      return ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32;
    case DType::boolean:
      return ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL;
    case DType::float32:
      break;
  }
  return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
}

/// As ONNX Runtime writes it, such as "tensor(float)"; types that no manifest has by their number.
[[nodiscard]] inline std::string tensor_type_name(ONNXTensorElementDataType type) {
  switch (type) {
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT:
      return "tensor(float)";
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16:
      return "tensor(float16)";
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE:
      return "tensor(double)";
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64:
      return "tensor(int64)";
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32:
      return "tensor(int32)";
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL:
      return "tensor(bool)";
    default:
      return "tensor(type " + std::to_string(static_cast<int>(type)) + ")";
  }
}

}  // namespace lmdm::ort
