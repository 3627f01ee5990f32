#include <atomic>
#include <map>
#include <utility>
#include <vector>

#include "backends/buffers.h"
#include "backends/denormals.h"
#include "backends/library.h"
#include "backends/session.h"
#include "backends/session_options.h"
#include "backends/thread_choice.h"
#include "backends/weights.h"
#include "lmdm/error.h"
#include "lmdm/onnxruntime.h"

namespace lmdm {
namespace {

using ort::Handle;

/// What one backend's runs have in common: they end when it is cancelled.
class Runs {
 public:
  explicit Runs(const ort::Library& library) : api_(library.api()) {
    OrtRunOptions* made = nullptr;
    library.check(api_.CreateRunOptions(&made));
    options_ = {made, {api_.ReleaseRunOptions}};
    // A run that fails, or is cancelled, is told in its status.
    library.check(api_.RunOptionsSetRunLogSeverityLevel(made, ORT_LOGGING_LEVEL_FATAL));
  }

  [[nodiscard]] const OrtRunOptions* options() const noexcept { return options_.get(); }
  [[nodiscard]] bool cancelled() const noexcept { return cancelled_.load(std::memory_order_acquire); }
  void cancel() noexcept {
    cancelled_.store(true, std::memory_order_release);
    drop(api_.RunOptionsSetTerminate(options_.get()));
  }
  void resume() noexcept {
    drop(api_.RunOptionsUnsetTerminate(options_.get()));
    cancelled_.store(false, std::memory_order_release);
  }

 private:
  void drop(OrtStatus* status) const noexcept {
    if (status != nullptr) {
      api_.ReleaseStatus(status);
    }
  }

  const OrtApi& api_;
  Handle<OrtRunOptions> options_;
  std::atomic<bool> cancelled_{false};
};

class OrtBinding final : public Binding {
 public:
  OrtBinding(std::shared_ptr<ort::Library> library, std::shared_ptr<ort::Session> session, std::shared_ptr<Runs> runs)
      : library_(std::move(library)), session_(std::move(session)), runs_(std::move(runs)) {
    OrtIoBinding* made = nullptr;
    library_->check(library_->api().CreateIoBinding(session_->get(), &made));
    binding_ = {made, {library_->api().ReleaseIoBinding}};
  }

  void bind_input(const std::shared_ptr<ort::OrtBuffer>& buffer, const std::string& name) {
    library_->check(library_->api().BindInput(binding_.get(), name.c_str(), buffer->value()));
    buffers_.push_back(buffer);
  }
  void bind_output(const std::shared_ptr<ort::OrtBuffer>& buffer, const std::string& name) {
    library_->check(library_->api().BindOutput(binding_.get(), name.c_str(), buffer->value()));
    buffers_.push_back(buffer);
  }

  void run() override {
    require_not_cancelled();
    try {
      const DenormalsAreZero scope;
      library_->check(library_->api().RunWithBinding(session_->get(), runs_->options(), binding_.get()));
      library_->check(library_->api().SynchronizeBoundOutputs(binding_.get()));
    } catch (const ort::Failure& failure) {
      require_not_cancelled();
      throw Error(ErrorKind::runtime,
                  "graph " + session_->graph().name + " failed in ONNX Runtime: " + failure.what() + "; run lmdm validate on the bundle");
    }
    require_not_cancelled();
  }

 private:
  void require_not_cancelled() const {
    if (runs_->cancelled()) {
      throw Error(ErrorKind::cancelled, "the run of graph " + session_->graph().name + " was cancelled; call resume before the next one");
    }
  }

  std::shared_ptr<ort::Library> library_;
  std::shared_ptr<ort::Session> session_;
  std::shared_ptr<Runs> runs_;
  // The binding keeps pointers, not memory.
  std::vector<std::shared_ptr<ort::OrtBuffer>> buffers_;
  Handle<OrtIoBinding> binding_;
};

/// The options with what was measured on this machine where nobody names a number of threads. A device's graphs were not measured.
OnnxRuntimeOptions with_choice(OnnxRuntimeOptions options, const Bundle& bundle) {
  if (options.threads > 0 || options.provider != Provider::cpu) {
    return options;
  }
  if (const auto choice = ort::thread_choice(bundle.folder())) {
    options.threads = choice->threads;
    options.spinning = options.spinning.value_or(choice->spinning);
  }
  return options;
}

class OrtBackend final : public Backend {
 public:
  OrtBackend(const Bundle& bundle, const OnnxRuntimeOptions& options)
      : bundle_(bundle), options_(with_choice(options, bundle)), library_(ort::Library::open(options.library)) {
    ort::require_provider(*library_, options.provider);
    try {
      runs_ = std::make_shared<Runs>(*library_);
      if (options.provider == Provider::cpu) {
        memory_ = ort::host_memory(library_);
        weights_ = ort::Weights::of(library_, bundle);
      } else {
        memory_ = ort::device_memory(library_, options);
      }
    } catch (const ort::Failure& failure) {
      throw Error(ErrorKind::environment,
                  name() + " cannot be used on device " + std::to_string(options.device) + ": " + failure.what() + "; run: lmdm doctor");
    }
  }

  [[nodiscard]] std::string name() const override {
    return "onnxruntime " + library_->version() + ", " + ort::provider_name(options_.provider);
  }

  [[nodiscard]] std::shared_ptr<Buffer> buffer(const Port& port) override {
    try {
      return memory_->buffer(port);
    } catch (const ort::Failure& failure) {
      throw Error(ErrorKind::runtime, "no memory for " + port.name + " as " + std::string(lmdm::name(port.type)) + " " +
                                          to_string(port.shape) + ": " + failure.what() + "; free memory, or choose another device");
    }
  }

  [[nodiscard]] std::unique_ptr<Binding> bind(const std::string& graph, const Buffers& buffers) override {
    const GraphEntry& entry = bundle_.graph(graph);
    std::shared_ptr<ort::Session>& session = sessions_[graph];
    if (!session) {
      const std::vector<GraphEntry> files = entry.files();
      const bool fused = options_.fused && options_.provider == Provider::cpu;
      session = std::make_shared<ort::Session>(library_, weights_, bundle_, fused ? files.back() : files.front(), options_);
    }
    try {
      auto binding = std::make_unique<OrtBinding>(library_, session, runs_);
      for (const Port& port : entry.inputs) {
        binding->bind_input(at(entry, port, buffers), port.name);
      }
      for (const Port& port : entry.outputs) {
        binding->bind_output(at(entry, port, buffers), port.name);
      }
      return binding;
    } catch (const ort::Failure& failure) {
      throw Error(ErrorKind::runtime,
                  "graph " + graph + " cannot be bound in ONNX Runtime: " + failure.what() + "; run lmdm validate on the bundle");
    }
  }

  void cancel() noexcept override { runs_->cancel(); }
  void resume() noexcept override { runs_->resume(); }

 private:
  [[nodiscard]] std::shared_ptr<ort::OrtBuffer> at(const GraphEntry& graph, const Port& port, const Buffers& buffers) const {
    const auto found = buffers.find(port.name);
    auto buffer = found == buffers.end() ? nullptr : std::dynamic_pointer_cast<ort::OrtBuffer>(found->second);
    if (!buffer || buffer->memory() != memory_.get()) {
      throw Error(ErrorKind::runtime,
                  "graph " + graph.name + " was bound without " + port.name + "; pass a buffer of this backend for each of its ports");
    }
    if (buffer->port().shape != port.shape || buffer->port().type != port.type) {
      throw Error(ErrorKind::runtime, "graph " + graph.name + " takes " + port.name + " as " + std::string(lmdm::name(port.type)) + " " +
                                          to_string(port.shape) + ", its buffer is " + std::string(lmdm::name(buffer->port().type)) + " " +
                                          to_string(buffer->port().shape) + "; export the checkpoint again with lmdm export");
    }
    return buffer;
  }

  Bundle bundle_;
  OnnxRuntimeOptions options_;
  std::shared_ptr<ort::Library> library_;
  std::shared_ptr<Runs> runs_;
  std::shared_ptr<ort::Memory> memory_;
  std::shared_ptr<ort::Weights> weights_;
  std::map<std::string, std::shared_ptr<ort::Session>> sessions_;
};

}  // namespace

std::shared_ptr<Backend> make_onnxruntime_backend(const Bundle& bundle, const OnnxRuntimeOptions& options) {
  return std::make_shared<OrtBackend>(bundle, options);
}

}  // namespace lmdm
