#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "backends/external_tensors.h"
#include "backends/library.h"
#include "backends/platform.h"
#include "lmdm/bundle.h"

namespace lmdm::ort {

/// The weights of one bundle for all sessions in this process that play it. The file is mapped, so its pages are shared, and what kernels
/// prepack from a tensor of it is kept once, whichever graphs use the tensor.
class Weights {
 public:
  /// Those of the bundle, shared with every backend of `library` that plays it too.
  [[nodiscard]] static std::shared_ptr<Weights> of(const std::shared_ptr<Library>& library, const Bundle& bundle);

  explicit Weights(std::shared_ptr<Library> library);

  /// Gives the session of a graph its tensors as views of the mapped file. What is returned must outlive the session, and so must this.
  /// Throws Error(bundle): a tensor lies in no file of the manifest, or past its end.
  [[nodiscard]] std::vector<Handle<OrtValue>> share(const Bundle& bundle, const GraphEntry& graph, OrtSessionOptions* options);

  /// To be called when a session was made: most of what it has read of the file it will not read again.
  void release_pages();

  [[nodiscard]] OrtPrepackedWeightsContainer* prepacked() const noexcept { return prepacked_.get(); }

 private:
  [[nodiscard]] const platform::MappedFile& mapped(const std::filesystem::path& file);

  std::shared_ptr<Library> library_;
  std::mutex mutex_;
  std::map<std::filesystem::path, std::unique_ptr<platform::MappedFile>> files_;
  Handle<OrtPrepackedWeightsContainer> prepacked_;
  Handle<OrtMemoryInfo> host_;
};

}  // namespace lmdm::ort
