#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "lmdm/backend.h"
#include "lmdm/bundle.h"
#include "lmdm/export.h"

namespace lmdm {

enum class Provider { cpu, cuda, tensorrt };

struct OnnxRuntimeOptions {
  std::filesystem::path library = {};  ///< the shared library; empty: environment LMDM_ONNXRUNTIME, beside our own, the loader, a Python wheel
  Provider provider = Provider::cpu;
  int threads = 0;     ///< for the operators of one graph; 0: what `lmdm threads` chose for this machine, else the physical cores
  bool small = false;  ///< prepack nothing: slower, less memory
  int device = 0;      ///< of CUDA and TensorRT
  bool fused = true;   ///< on the CPU: a graph's file with contrib operators where the bundle has one
  bool huge_pages = true;  ///< on the CPU: keep what kernels prepack in huge pages where the system has them; never with `small`
  std::optional<bool> spinning = {};  ///< whether threads spin while they wait; empty: what was chosen with their number, else not
};

/// ONNX Runtime, opened at run time. The bundle's weights are in memory once, whatever the number of graphs that share them.
/// Throws Error(environment): no ONNX Runtime, one that is too old, or one without the provider; says what to install.
[[nodiscard]] LMDM_EXPORT std::shared_ptr<Backend> make_onnxruntime_backend(const Bundle& bundle, const OnnxRuntimeOptions& options = {});

}  // namespace lmdm
