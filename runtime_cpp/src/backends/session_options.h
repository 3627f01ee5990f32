#pragma once

#include <string>

#include "backends/library.h"
#include "lmdm/manifest.h"
#include "lmdm/onnxruntime.h"

namespace lmdm::ort {

/// As ONNX Runtime calls it, such as "CPUExecutionProvider".
[[nodiscard]] std::string provider_name(Provider provider);

/// Throws Error(environment) where the library was built without the provider.
void require_provider(const Library& library, Provider provider);

/// Whether kernels copy a graph's matrices into layouts of their own.
[[nodiscard]] bool prepacks(const OnnxRuntimeOptions& options, const GraphEntry& graph);

/// Options for a session of that graph. Throws Failure: the provider cannot be used on this machine.
[[nodiscard]] Handle<OrtSessionOptions> session_options(const Library& library, const OnnxRuntimeOptions& options, const GraphEntry& graph);

/// Options for graphs that only copy: the provider's device and nothing to tune. TensorRT's memory is CUDA's.
[[nodiscard]] Handle<OrtSessionOptions> copy_options(const Library& library, const OnnxRuntimeOptions& options);

}  // namespace lmdm::ort
