#pragma once

#include <memory>
#include <vector>

#include "backends/library.h"
#include "backends/weights.h"
#include "lmdm/bundle.h"
#include "lmdm/onnxruntime.h"

namespace lmdm::ort {

/// A graph of the bundle, loaded, with the inputs and outputs that the manifest states.
class Session {
 public:
  /// `weights`: where they are held for all graphs; null leaves reading them to ONNX Runtime.
  /// Throws Error(bundle): it does not load, or disagrees with the manifest.
  Session(std::shared_ptr<Library> library, std::shared_ptr<Weights> weights, const Bundle& bundle, const GraphEntry& graph,
          const OnnxRuntimeOptions& options);

  [[nodiscard]] OrtSession* get() const noexcept { return session_.get(); }
  [[nodiscard]] const GraphEntry& graph() const noexcept { return graph_; }

 private:
  void require_same(const char* side, const std::vector<Port>& stated, bool inputs) const;

  std::shared_ptr<Library> library_;
  std::shared_ptr<Weights> weights_;
  GraphEntry graph_;
  std::vector<Handle<OrtValue>> tensors_;
  Handle<OrtSession> session_;
};

}  // namespace lmdm::ort
