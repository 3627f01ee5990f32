#include "backends/session_options.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <system_error>
#include <utility>
#include <vector>

#include "backends/platform.h"
#include "lmdm/error.h"

namespace lmdm::ort {
namespace {

// What kernels prepack is a second copy of a matrix, which pays where a graph runs once a block or more, and is only memory where it runs
// once a prompt.
constexpr const char* rarely_run[] = {"text_encoder", "conditioner", "codec_encoder"};

/// Keys and values of a provider's options in the two rows that the C interface takes.
class Pairs {
 public:
  explicit Pairs(std::vector<std::pair<std::string, std::string>> pairs) : pairs_(std::move(pairs)) {
    for (const auto& [key, value] : pairs_) {
      keys_.push_back(key.c_str());
      values_.push_back(value.c_str());
    }
  }
  Pairs(const Pairs&) = delete;
  Pairs& operator=(const Pairs&) = delete;

  [[nodiscard]] const char* const* keys() const noexcept { return keys_.data(); }
  [[nodiscard]] const char* const* values() const noexcept { return values_.data(); }
  [[nodiscard]] std::size_t size() const noexcept { return pairs_.size(); }

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;
  std::vector<const char*> keys_, values_;
};

Handle<OrtSessionOptions> empty_options(const Library& library) {
  OrtSessionOptions* made = nullptr;
  library.check(library.api().CreateSessionOptions(&made));
  Handle<OrtSessionOptions> options(made, {library.api().ReleaseSessionOptions});
  // What fails comes back as a sentence; ONNX Runtime need not print it as well.
  library.check(library.api().SetSessionLogSeverityLevel(made, ORT_LOGGING_LEVEL_FATAL));
  library.check(library.api().SetInterOpNumThreads(made, 1));
  library.check(library.api().SetSessionExecutionMode(made, ORT_SEQUENTIAL));
  return options;
}

void append_cuda(const Library& library, int device, OrtSessionOptions* options) {
  OrtCUDAProviderOptionsV2* made = nullptr;
  library.check(library.api().CreateCUDAProviderOptions(&made));
  const Handle<OrtCUDAProviderOptionsV2> cuda(made, {library.api().ReleaseCUDAProviderOptions});
  const Pairs pairs({{"device_id", std::to_string(device)},
                     {"use_tf32", "0"},                          // its 10 bits of mantissa are less than the fixtures ask
                     {"cudnn_conv_algo_search", "HEURISTIC"}});  // an exhaustive search stalls the first block for seconds
  library.check(library.api().UpdateCUDAProviderOptions(made, pairs.keys(), pairs.values(), pairs.size()));
  library.check(library.api().SessionOptionsAppendExecutionProvider_CUDA_V2(options, made));
}

void append_tensorrt(const Library& library, int device, const GraphEntry& graph, OrtSessionOptions* options) {
  OrtTensorRTProviderOptionsV2* made = nullptr;
  library.check(library.api().CreateTensorRTProviderOptions(&made));
  const Handle<OrtTensorRTProviderOptionsV2> tensorrt(made, {library.api().ReleaseTensorRTProviderOptions});
  // Engines take minutes to build. The folder is named by the graph's hash; TensorRT's version and the device are in the files' names.
  const std::filesystem::path engines = platform::cache_folder() / "lmdm" / "tensorrt" / graph.sha256;
  std::error_code ignored;  // TensorRT says where it cannot write
  std::filesystem::create_directories(engines, ignored);
  const Pairs pairs({{"device_id", std::to_string(device)},
                     {"trt_engine_cache_enable", "1"},
                     {"trt_engine_cache_path", engines.string()},
                     {"trt_timing_cache_enable", "1"},
                     {"trt_timing_cache_path", engines.string()}});
  library.check(library.api().UpdateTensorRTProviderOptions(made, pairs.keys(), pairs.values(), pairs.size()));
  library.check(library.api().SessionOptionsAppendExecutionProvider_TensorRT_V2(options, made));
}

}  // namespace

std::string provider_name(Provider provider) {
  switch (provider) {
    case Provider::cuda:
      return "CUDAExecutionProvider";
    case Provider::tensorrt:
      return "TensorrtExecutionProvider";
    case Provider::cpu:
      break;
  }
  return "CPUExecutionProvider";
}

void require_provider(const Library& library, Provider provider) {
  const std::vector<std::string> built = library.providers();
  const std::string name = provider_name(provider);
  if (std::find(built.begin(), built.end(), name) != built.end()) {
    return;
  }
  std::string all;
  for (const std::string& other : built) {
    all += (all.empty() ? "" : ", ") + other;
  }
  throw Error(ErrorKind::environment, "ONNX Runtime " + library.version() + " at " + library.where().string() + " has no " + name +
                                          ", it was built with " + all +
                                          "; run: pip install onnxruntime-gpu, and set LMDM_ONNXRUNTIME to the path of its library");
}

bool prepacks(const OnnxRuntimeOptions& options, const GraphEntry& graph) {
  return !options.small && std::find(std::begin(rarely_run), std::end(rarely_run), graph.name) == std::end(rarely_run);
}

Handle<OrtSessionOptions> session_options(const Library& library, const OnnxRuntimeOptions& options, const GraphEntry& graph) {
  const OrtApi& api = library.api();
  Handle<OrtSessionOptions> made = empty_options(library);
  library.check(api.SetIntraOpNumThreads(made.get(), options.threads > 0 ? options.threads : platform::physical_cores()));
  // Waiting threads that spin take whole cores from the audio thread between two blocks.
  library.check(api.AddSessionConfigEntry(made.get(), "session.intra_op.allow_spinning", options.spinning.value_or(false) ? "1" : "0"));
  library.check(api.AddSessionConfigEntry(made.get(), "session.set_denormal_as_zero", "1"));
  if (!prepacks(options, graph)) {
    library.check(api.AddSessionConfigEntry(made.get(), "session.disable_prepacking", "1"));
  }
  if (options.provider == Provider::tensorrt) {
    append_tensorrt(library, options.device, graph, made.get());
  }
  if (options.provider != Provider::cpu) {
    append_cuda(library, options.device, made.get());
  }
  return made;
}

Handle<OrtSessionOptions> copy_options(const Library& library, const OnnxRuntimeOptions& options) {
  Handle<OrtSessionOptions> made = empty_options(library);
  library.check(library.api().SetIntraOpNumThreads(made.get(), 1));
  library.check(library.api().SetSessionGraphOptimizationLevel(made.get(), ORT_DISABLE_ALL));
  if (options.provider != Provider::cpu) {
    append_cuda(library, options.device, made.get());
  }
  return made;
}

}  // namespace lmdm::ort
