#pragma once

#include <map>
#include <memory>

#include "backends/library.h"
#include "lmdm/array.h"
#include "lmdm/onnxruntime.h"

namespace lmdm::ort {

/// Copies between host and device by running a graph that is one Identity: the oldest way that ONNX Runtime's C interface has, and the only
/// one in every version from the floor on.
class Copier {
 public:
  /// Throws Failure: the provider cannot be used on this machine.
  Copier(std::shared_ptr<Library> library, const OnnxRuntimeOptions& options);

  /// Copies a tensor of that type; returns when the values are there. Throws Failure.
  void copy(DType type, const OrtValue* from, OrtValue* to);

  /// A session on the device, for its allocator.
  [[nodiscard]] OrtSession* session() { return route(DType::float32).session.get(); }

 private:
  struct Route {
    Handle<OrtSession> session;
    Handle<OrtIoBinding> binding;
  };
  [[nodiscard]] Route& route(DType type);

  std::shared_ptr<Library> library_;
  Handle<OrtSessionOptions> options_;
  std::map<DType, Route> routes_;
};

}  // namespace lmdm::ort
