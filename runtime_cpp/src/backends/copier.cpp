#include "backends/copier.h"

#include <string>
#include <string_view>
#include <utility>

#include "backends/denormals.h"
#include "backends/session_options.h"
#include "backends/tensor_types.h"

namespace lmdm::ort {
namespace {

// Protobuf's encoding, for numbers and lengths below 128, which is all that this one graph has.
std::string number(int field, int value) {
  return {static_cast<char>(field << 3), static_cast<char>(value)};
}
std::string bytes(int field, std::string_view content) {
  return std::string{static_cast<char>((field << 3) | 2), static_cast<char>(content.size())} + std::string(content);
}

/// The ONNX model y = Identity(x) for tensors of that type and of any shape.
std::string identity_model(DType type) {
  constexpr int ir_version = 8, opset = 13;
  const std::string tensor = bytes(2, bytes(1, number(1, element_type(type))));  // ValueInfoProto.type, its tensor_type, its elem_type
  const std::string node = bytes(1, "x") + bytes(2, "y") + bytes(4, "Identity");
  const std::string graph = bytes(1, node) + bytes(2, "copy") + bytes(11, bytes(1, "x") + tensor) + bytes(12, bytes(1, "y") + tensor);
  return number(1, ir_version) + bytes(7, graph) + bytes(8, bytes(1, "") + number(2, opset));
}

}  // namespace

Copier::Copier(std::shared_ptr<Library> library, const OnnxRuntimeOptions& options)
    : library_(std::move(library)), options_(copy_options(*library_, options)) {
  static_cast<void>(route(DType::float32));
}

void Copier::copy(DType type, const OrtValue* from, OrtValue* to) {
  Route& way = route(type);
  const OrtApi& api = library_->api();
  api.ClearBoundInputs(way.binding.get());
  api.ClearBoundOutputs(way.binding.get());
  library_->check(api.BindInput(way.binding.get(), "x", from));
  library_->check(api.BindOutput(way.binding.get(), "y", to));
  library_->check(api.RunWithBinding(way.session.get(), nullptr, way.binding.get()));
  library_->check(api.SynchronizeBoundOutputs(way.binding.get()));
}

Copier::Route& Copier::route(DType type) {
  if (const auto known = routes_.find(type); known != routes_.end()) {
    return known->second;
  }
  const OrtApi& api = library_->api();
  const std::string model = identity_model(type);
  const DenormalsAreZero scope;  // as in session.cpp
  OrtSession* session = nullptr;
  library_->check(api.CreateSessionFromArray(library_->environment(), model.data(), model.size(), options_.get(), &session));
  Handle<OrtSession> held(session, {api.ReleaseSession});
  OrtIoBinding* binding = nullptr;
  library_->check(api.CreateIoBinding(session, &binding));
  return routes_[type] = Route{std::move(held), {binding, {api.ReleaseIoBinding}}};
}

}  // namespace lmdm::ort
