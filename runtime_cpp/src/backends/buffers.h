#pragma once

#include <memory>
#include <string>

#include "backends/library.h"
#include "lmdm/backend.h"
#include "lmdm/onnxruntime.h"

namespace lmdm::ort {

/// Where the buffers of one backend lie. Its buffers keep it.
class Memory : public std::enable_shared_from_this<Memory> {
 public:
  Memory() = default;
  virtual ~Memory() = default;
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  /// A buffer of zeros. Throws Failure.
  [[nodiscard]] virtual std::shared_ptr<Buffer> buffer(const Port& port) = 0;
};

/// A buffer that ONNX Runtime can bind.
class OrtBuffer : public Buffer {
 public:
  OrtBuffer(const Port& port, std::shared_ptr<Memory> memory) : Buffer(port), memory_(std::move(memory)) {}

  [[nodiscard]] virtual OrtValue* value() const noexcept = 0;
  [[nodiscard]] const Memory* memory() const noexcept { return memory_.get(); }

 private:
  std::shared_ptr<Memory> memory_;
};

/// Aligned memory of the host.
[[nodiscard]] std::shared_ptr<Memory> host_memory(std::shared_ptr<Library> library);
/// Memory of the device of CUDA and TensorRT. Throws Failure: the provider cannot be used on this machine.
[[nodiscard]] std::shared_ptr<Memory> device_memory(std::shared_ptr<Library> library, const OnnxRuntimeOptions& options);
/// Memory as a device's, that of the allocator with this name, for tests without a device: "Cpu".
[[nodiscard]] std::shared_ptr<Memory> device_memory(std::shared_ptr<Library> library, const OnnxRuntimeOptions& options,
                                                    const std::string& allocator);

}  // namespace lmdm::ort
