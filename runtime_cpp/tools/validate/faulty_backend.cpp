#include <utility>

#include "validate/faults.h"

namespace lmdm::validate {
namespace {

class FaultyBinding final : public Binding {
 public:
  FaultyBinding(std::unique_ptr<Binding> binding, Buffers buffers, Run fault)
      : binding_(std::move(binding)), buffers_(std::move(buffers)), fault_(std::move(fault)) {}

  void run() override {
    fault_([this] { binding_->run(); }, buffers_);
  }

 private:
  std::unique_ptr<Binding> binding_;
  Buffers buffers_;
  Run fault_;
};

class FaultyBackend final : public Backend {
 public:
  FaultyBackend(std::shared_ptr<Backend> backend, std::string graph, std::function<Run()> make)
      : backend_(std::move(backend)), graph_(std::move(graph)), make_(std::move(make)) {}

  std::string name() const override { return backend_->name(); }
  std::shared_ptr<Buffer> buffer(const Port& port) override { return backend_->buffer(port); }
  std::unique_ptr<Binding> bind(const std::string& graph, const Buffers& buffers) override {
    auto binding = backend_->bind(graph, buffers);
    if (graph != graph_) return binding;
    return std::make_unique<FaultyBinding>(std::move(binding), buffers, make_());
  }
  void cancel() noexcept override { backend_->cancel(); }
  void resume() noexcept override { backend_->resume(); }

 private:
  std::shared_ptr<Backend> backend_;
  std::string graph_;
  std::function<Run()> make_;
};

}  // namespace

Manifest Fault::altered(Manifest manifest) const {
  if (alter) alter(manifest);
  return manifest;
}

std::shared_ptr<Backend> Fault::wrap(std::shared_ptr<Backend> backend) const {
  if (!make) return backend;
  return std::make_shared<FaultyBackend>(std::move(backend), graph, make);
}

}  // namespace lmdm::validate
