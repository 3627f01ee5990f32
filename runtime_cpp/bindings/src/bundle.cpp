#include <lmdm/bundle.h>
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/string.h>

#include "parts.h"

namespace lmdm_native {

void bind_bundle(nb::module_& module) {
  nb::class_<lmdm::Bundle>(module, "Bundle", "A checked folder.")
      .def_static("load", &lmdm::Bundle::load, nb::arg("folder"), nb::call_guard<nb::gil_scoped_release>(),
                  "Opens a bundle and checks all of it, weights included.")
      .def_prop_ro("folder", [](const lmdm::Bundle& bundle) { return bundle.folder(); })
      .def_prop_ro("document", [](const lmdm::Bundle& bundle) { return bundle.manifest().document; }, "manifest.json as it was read.");
}

}  // namespace lmdm_native
