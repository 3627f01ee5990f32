#include "backends/session.h"

#include <algorithm>
#include <map>
#include <string>
#include <system_error>
#include <utility>

#include "backends/denormals.h"
#include "backends/huge_pages.h"
#include "backends/session_options.h"
#include "backends/tensor_types.h"
#include "lmdm/error.h"

namespace lmdm::ort {
namespace {

/// Shape and type of one input or output.
using Kind = std::pair<Shape, ONNXTensorElementDataType>;

std::map<std::string, Kind> kinds(const std::vector<Port>& ports) {
  std::map<std::string, Kind> made;
  for (const Port& port : ports) {
    made[port.name] = {port.shape, element_type(port.type)};
  }
  return made;
}

std::map<std::string, Kind> kinds(const Library& library, const OrtSession* session, bool inputs) {
  const OrtApi& api = library.api();
  OrtAllocator* allocator = nullptr;
  library.check(api.GetAllocatorWithDefaultOptions(&allocator));
  std::size_t count = 0;
  library.check((inputs ? api.SessionGetInputCount : api.SessionGetOutputCount)(session, &count));
  std::map<std::string, Kind> made;
  for (std::size_t i = 0; i < count; ++i) {
    char* name = nullptr;
    library.check((inputs ? api.SessionGetInputName : api.SessionGetOutputName)(session, i, allocator, &name));
    const std::string owned = name;
    library.check(api.AllocatorFree(allocator, name));
    OrtTypeInfo* type = nullptr;
    library.check((inputs ? api.SessionGetInputTypeInfo : api.SessionGetOutputTypeInfo)(session, i, &type));
    const Handle<OrtTypeInfo> held(type, {api.ReleaseTypeInfo});
    const OrtTensorTypeAndShapeInfo* tensor = nullptr;
    library.check(api.CastTypeInfoToTensorInfo(type, &tensor));
    Kind kind{{}, ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED};
    if (tensor != nullptr) {
      std::size_t axes = 0;
      library.check(api.GetTensorElementType(tensor, &kind.second));
      library.check(api.GetDimensionsCount(tensor, &axes));
      kind.first.resize(axes);
      library.check(api.GetDimensions(tensor, kind.first.data(), axes));
    }
    made[owned] = std::move(kind);
  }
  return made;
}

/// The first name, in order, that only one of the two has, or null.
const std::string* only_in_one(const std::map<std::string, Kind>& a, const std::map<std::string, Kind>& b) {
  const std::string* first = nullptr;
  const auto look = [&](const auto& here, const auto& there) {
    for (const auto& [name, kind] : here) {
      if (!there.contains(name) && (first == nullptr || name < *first)) {
        first = &name;
      }
    }
  };
  look(a, b);
  look(b, a);
  return first;
}

std::string text(const Kind& kind) {
  return tensor_type_name(kind.second) + " " + to_string(kind.first);
}

}  // namespace

Session::Session(std::shared_ptr<Library> library, std::shared_ptr<Weights> weights, const Bundle& bundle, const GraphEntry& graph,
                 const OnnxRuntimeOptions& options)
    : library_(std::move(library)), weights_(std::move(weights)), graph_(graph) {
  const std::filesystem::path path = bundle.file(graph.file);
  const OrtApi& api = library_->api();
  try {
    const Handle<OrtSessionOptions> made = session_options(*library_, options, graph);
    // ONNX Runtime sets the thread that makes its first session to zero denormals, for good.
    const DenormalsAreZero scope;
    OrtSession* session = nullptr;
    const HugePages pages(options.huge_pages && options.provider == Provider::cpu && prepacks(options, graph));
    if (weights_) {
      tensors_ = weights_->share(bundle, graph, made.get());
      library_->check(api.CreateSessionWithPrepackedWeightsContainer(library_->environment(), path.c_str(), made.get(),
                                                                     weights_->prepacked(), &session));
      weights_->release_pages();
    } else {
      library_->check(api.CreateSession(library_->environment(), path.c_str(), made.get(), &session));
    }
    session_ = {session, {api.ReleaseSession}};
    require_same("input", graph.inputs, true);
    require_same("output", graph.outputs, false);
  } catch (const Failure& failure) {
    throw Error(ErrorKind::bundle, path.string() + " does not load in ONNX Runtime " + library_->version() + ": " + failure.what() +
                                       "; run: pip install -U lmdm");
  } catch (const std::system_error& error) {
    throw Error(ErrorKind::bundle, path.string() + " and its weights cannot be read: " + error.code().message() +
                                       "; make the files readable, or export the checkpoint again with lmdm export");
  }
}

void Session::require_same(const char* side, const std::vector<Port>& stated, bool inputs) const {
  const std::map<std::string, Kind> expected = kinds(stated), actual = kinds(*library_, session_.get(), inputs);
  if (const std::string* name = only_in_one(expected, actual)) {
    throw Error(ErrorKind::bundle, graph_.file + " and the manifest disagree on " + side + " " + *name + ", which is " +
                                       (expected.contains(*name) ? "only in the manifest" : "only in the graph") +
                                       "; export the checkpoint again");
  }
  for (const auto& [name, kind] : expected) {
    if (actual.at(name) != kind) {
      throw Error(ErrorKind::bundle, graph_.file + " has " + side + " " + name + " as " + text(actual.at(name)) + ", the manifest states " +
                                         text(kind) + "; export the checkpoint again with lmdm export");
    }
  }
}

}  // namespace lmdm::ort
