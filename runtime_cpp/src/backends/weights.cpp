#include "backends/weights.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "lmdm/error.h"

namespace lmdm::ort {
namespace {

namespace fs = std::filesystem;

/// The bundle's name for the file that a tensor of `graph` lies in.
std::string file_of(const Bundle& bundle, const GraphEntry& graph, const ExternalTensor& tensor) {
  const std::string name = (fs::path(graph.file).parent_path() / tensor.location).lexically_normal().generic_string();
  const auto& files = bundle.manifest().files;
  if (std::none_of(files.begin(), files.end(), [&](const FileEntry& file) { return file.path == name; })) {
    throw Error(ErrorKind::bundle, graph.file + " takes " + tensor.name + " from " + tensor.location +
                                       ", which is no file of the manifest; export the checkpoint again with lmdm export");
  }
  return name;
}

/// Bytes of one element as ONNX numbers the types, or 0 where it is packed or no number.
std::uint64_t element_bytes(int type) {
  switch (type) {
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8:
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8:
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL:
      return 1;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16:
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16:
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16:
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16:
      return 2;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT:
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32:
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32:
      return 4;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE:
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64:
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64:
      return 8;
    default:
      return 0;
  }
}

/// Whether the shape's elements, `each` bytes apiece, are exactly `length` bytes.
bool fills(const Shape& shape, std::uint64_t each, std::uint64_t length) {
  std::uint64_t bytes = each;
  for (const std::int64_t axis : shape) {
    if (axis < 0 || __builtin_mul_overflow(bytes, static_cast<std::uint64_t>(axis), &bytes)) {
      return false;
    }
  }
  return bytes == length;
}

}  // namespace

std::shared_ptr<Weights> Weights::of(const std::shared_ptr<Library>& library, const Bundle& bundle) {
  static std::mutex mutex;
  static std::map<std::pair<const Library*, std::string>, std::weak_ptr<Weights>> in_use;

  // The manifest holds the hashes of all files: where it differs, so may the weights.
  const std::pair<const Library*, std::string> key{library.get(), bundle.folder().string() + '\n' + bundle.manifest().document};
  const std::lock_guard lock(mutex);
  std::erase_if(in_use, [](const auto& entry) { return entry.second.expired(); });
  std::weak_ptr<Weights>& known = in_use[key];
  std::shared_ptr<Weights> weights = known.lock();
  if (!weights) {
    known = weights = std::make_shared<Weights>(library);
  }
  return weights;
}

Weights::Weights(std::shared_ptr<Library> library) : library_(std::move(library)) {
  const OrtApi& api = library_->api();
  OrtPrepackedWeightsContainer* container = nullptr;
  library_->check(api.CreatePrepackedWeightsContainer(&container));
  prepacked_ = {container, {api.ReleasePrepackedWeightsContainer}};
  OrtMemoryInfo* host = nullptr;
  library_->check(api.CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, &host));
  host_ = {host, {api.ReleaseMemoryInfo}};
}

std::vector<Handle<OrtValue>> Weights::share(const Bundle& bundle, const GraphEntry& graph, OrtSessionOptions* options) {
  const platform::MappedFile model(bundle.file(graph.file));
  std::vector<Handle<OrtValue>> values;
  for (const ExternalTensor& tensor : external_tensors(model.bytes())) {
    const std::string name = file_of(bundle, graph, tensor);
    const std::uint64_t each = element_bytes(tensor.type);
    if (each == 0) {
      continue;  // of a packed type, which ONNX Runtime reads itself
    }
    const std::span<const std::byte> bytes = mapped(bundle.file(name)).bytes();
    if (tensor.offset > bytes.size() || tensor.length > bytes.size() - tensor.offset || !fills(tensor.shape, each, tensor.length)) {
      throw Error(ErrorKind::bundle, graph.file + " takes " + tensor.name + " as " + std::to_string(tensor.length) + " bytes for " +
                                         to_string(tensor.shape) + " at byte " + std::to_string(tensor.offset) + " of " + name +
                                         ", which has " + std::to_string(bytes.size()) + "; export the checkpoint again with lmdm export");
    }
    OrtValue* value = nullptr;
    // Sessions only read initialisers; ONNX Runtime's interface has no word for it.
    library_->check(library_->api().CreateTensorWithDataAsOrtValue(host_.get(), const_cast<std::byte*>(bytes.data() + tensor.offset),
                                                                   tensor.length, tensor.shape.data(), tensor.shape.size(),
                                                                   static_cast<ONNXTensorElementDataType>(tensor.type), &value));
    values.push_back({value, {library_->api().ReleaseValue}});
    library_->check(library_->api().AddInitializer(options, tensor.name.c_str(), value));
  }
  return values;
}

void Weights::release_pages() {
  const std::lock_guard lock(mutex_);
  for (const auto& [path, file] : files_) {
    file->release_pages();
  }
}

const platform::MappedFile& Weights::mapped(const fs::path& file) {
  const std::lock_guard lock(mutex_);
  std::unique_ptr<platform::MappedFile>& known = files_[file];
  if (!known) {
    known = std::make_unique<platform::MappedFile>(file);
  }
  return *known;
}

}  // namespace lmdm::ort
