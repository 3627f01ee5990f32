#include "backends/buffers.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

#include "backends/copier.h"
#include "backends/tensor_types.h"
#include "lmdm/error.h"

namespace lmdm::ort {
namespace {

constexpr std::align_val_t alignment{64};

struct Unalign {
  void operator()(std::byte* memory) const noexcept { ::operator delete[](memory, alignment); }
};

Handle<OrtMemoryInfo> memory_info(const Library& library, const char* name, int device) {
  OrtMemoryInfo* info = nullptr;
  library.check(library.api().CreateMemoryInfo(name, OrtDeviceAllocator, device, OrtMemTypeDefault, &info));
  return {info, {library.api().ReleaseMemoryInfo}};
}

/// An OrtValue over memory that another owns.
Handle<OrtValue> view(const Library& library, const OrtMemoryInfo* info, void* memory, const Port& port) {
  OrtValue* value = nullptr;
  library.check(library.api().CreateTensorWithDataAsOrtValue(info, memory, port.bytes(), port.shape.data(), port.shape.size(),
                                                             element_type(port.type), &value));
  return {value, {library.api().ReleaseValue}};
}

void require_bytes(const Port& port, std::size_t found) {
  if (found != port.bytes()) {
    throw Error(ErrorKind::runtime, "the buffer of " + port.name + " was given " + std::to_string(found) + " bytes, it has " +
                                        std::to_string(port.bytes()) + ": pass " + std::string(name(port.type)) + " " +
                                        to_string(port.shape));
  }
}

class HostMemory final : public Memory {
 public:
  explicit HostMemory(std::shared_ptr<Library> library) : library_(std::move(library)), info_(memory_info(*library_, "Cpu", 0)) {}
  std::shared_ptr<Buffer> buffer(const Port& port) override;

  [[nodiscard]] const Library& library() const noexcept { return *library_; }
  [[nodiscard]] const OrtMemoryInfo* info() const noexcept { return info_.get(); }

 private:
  std::shared_ptr<Library> library_;
  Handle<OrtMemoryInfo> info_;
};

class HostBuffer final : public OrtBuffer {
 public:
  HostBuffer(const Port& port, const std::shared_ptr<HostMemory>& memory)
      : OrtBuffer(port, memory),
        memory_(static_cast<std::byte*>(::operator new[](std::max<std::size_t>(port.bytes(), 1), alignment))),
        value_(view(memory->library(), memory->info(), memory_.get(), port)) {
    std::memset(memory_.get(), 0, port.bytes());
  }

  [[nodiscard]] OrtValue* value() const noexcept override { return value_.get(); }
  [[nodiscard]] void* address() const noexcept override { return memory_.get(); }
  void write(std::span<const std::byte> values) override {
    require_bytes(port(), values.size());
    std::copy(values.begin(), values.end(), memory_.get());
  }
  void read(std::span<std::byte> values) const override {
    require_bytes(port(), values.size());
    std::copy_n(memory_.get(), values.size(), values.begin());
  }

 private:
  std::unique_ptr<std::byte[], Unalign> memory_;
  Handle<OrtValue> value_;
};

std::shared_ptr<Buffer> HostMemory::buffer(const Port& port) {
  return std::make_shared<HostBuffer>(port, std::static_pointer_cast<HostMemory>(shared_from_this()));
}

class DeviceMemory final : public Memory {
 public:
  DeviceMemory(const std::shared_ptr<Library>& library, const OnnxRuntimeOptions& options, const std::string& allocator)
      : library_(library),
        copier_(library, options),
        device_(memory_info(*library, allocator.c_str(), options.provider == Provider::cpu ? 0 : options.device)),
        host_(memory_info(*library, "Cpu", 0)) {
    OrtAllocator* made = nullptr;
    library_->check(library_->api().CreateAllocator(copier_.session(), device_.get(), &made));
    allocator_ = {made, {library_->api().ReleaseAllocator}};
  }
  std::shared_ptr<Buffer> buffer(const Port& port) override;

  [[nodiscard]] void* allocate(std::size_t bytes) {
    void* memory = nullptr;
    library_->check(library_->api().AllocatorAlloc(allocator_.get(), std::max<std::size_t>(bytes, 1), &memory));
    return memory;
  }
  void free(void* memory) noexcept {
    if (OrtStatus* status = library_->api().AllocatorFree(allocator_.get(), memory)) {
      library_->api().ReleaseStatus(status);
    }
  }
  [[nodiscard]] Handle<OrtValue> on_device(void* memory, const Port& port) { return view(*library_, device_.get(), memory, port); }
  void to_device(const Port& port, const std::byte* host, OrtValue* device) {
    // Only read; ONNX Runtime's interface has no word for it.
    const Handle<OrtValue> from = view(*library_, host_.get(), const_cast<std::byte*>(host), port);
    copy(port, from.get(), device);
  }
  void to_host(const Port& port, const OrtValue* device, std::byte* host) {
    const Handle<OrtValue> to = view(*library_, host_.get(), host, port);
    copy(port, device, to.get());
  }

 private:
  void copy(const Port& port, const OrtValue* from, OrtValue* to) {
    try {
      copier_.copy(port.type, from, to);
    } catch (const Failure& failure) {
      throw Error(ErrorKind::runtime,
                  "ONNX Runtime could not copy " + port.name + " between host and device: " + failure.what() + "; run lmdm doctor");
    }
  }

  std::shared_ptr<Library> library_;
  Copier copier_;
  Handle<OrtMemoryInfo> device_, host_;
  Handle<OrtAllocator> allocator_;
};

class DeviceBuffer final : public OrtBuffer {
 public:
  DeviceBuffer(const Port& port, const std::shared_ptr<DeviceMemory>& memory)
      : OrtBuffer(port, memory), device_(*memory), memory_(device_.allocate(port.bytes()), {&device_}) {
    value_ = device_.on_device(memory_.get(), port);
    const std::vector<std::byte> zeros(port.bytes());
    write(zeros);
  }

  [[nodiscard]] OrtValue* value() const noexcept override { return value_.get(); }
  [[nodiscard]] void* address() const noexcept override { return memory_.get(); }
  void write(std::span<const std::byte> values) override {
    require_bytes(port(), values.size());
    device_.to_device(port(), values.data(), value_.get());
  }
  void read(std::span<std::byte> values) const override {
    require_bytes(port(), values.size());
    device_.to_host(port(), value_.get(), values.data());
  }

 private:
  struct Free {
    DeviceMemory* device;
    void operator()(void* memory) const noexcept { device->free(memory); }
  };

  DeviceMemory& device_;
  std::unique_ptr<void, Free> memory_;
  Handle<OrtValue> value_;
};

std::shared_ptr<Buffer> DeviceMemory::buffer(const Port& port) {
  return std::make_shared<DeviceBuffer>(port, std::static_pointer_cast<DeviceMemory>(shared_from_this()));
}

}  // namespace

std::shared_ptr<Memory> host_memory(std::shared_ptr<Library> library) {
  return std::make_shared<HostMemory>(std::move(library));
}

std::shared_ptr<Memory> device_memory(std::shared_ptr<Library> library, const OnnxRuntimeOptions& options) {
  return device_memory(std::move(library), options, "Cuda");
}

std::shared_ptr<Memory> device_memory(std::shared_ptr<Library> library, const OnnxRuntimeOptions& options, const std::string& allocator) {
  return std::make_shared<DeviceMemory>(library, options, allocator);
}

}  // namespace lmdm::ort
