#include <lmdm/error.h>

#include "parts.h"

namespace lmdm_native {
namespace {

const char* python_name(lmdm::ErrorKind kind) {
  switch (kind) {
    case lmdm::ErrorKind::bundle:
      return "BundleError";
    case lmdm::ErrorKind::session:
      return "SessionError";
    case lmdm::ErrorKind::runtime:
    case lmdm::ErrorKind::cancelled:
      return "RuntimeFault";
    case lmdm::ErrorKind::environment:
      return "LmdmError";
  }
  return "LmdmError";
}

}  // namespace

void bind_errors() {
  // The types are those of the Python runtime, so that a caller need not know which engine refused.
  nb::register_exception_translator([](const std::exception_ptr& pointer, void*) {
    try {
      std::rethrow_exception(pointer);
    } catch (const lmdm::Error& error) {
      nb::object type = nb::module_::import_("lmdm_runtime.errors").attr(python_name(error.kind()));
      PyErr_SetString(type.ptr(), error.what());
    }
  });
}

}  // namespace lmdm_native
