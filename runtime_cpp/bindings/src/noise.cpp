#include <lmdm/noise.h>
#include <nanobind/stl/array.h>

#include "parts.h"

namespace lmdm_native {

void bind_noise(nb::module_& module) {
  module.def("philox4x32", &lmdm::philox4x32, nb::arg("counter"), nb::arg("key"), "Ten rounds of Philox 4x32.");
  nb::class_<lmdm::Noise>(module, "Noise", "Standard normals addressed by block and draw.")
      .def(nb::init<std::uint64_t>(), nb::arg("seed"))
      .def(
          "fill",
          [](const lmdm::Noise& noise, std::uint64_t block, std::uint32_t draw,
             const nb::ndarray<float, nb::c_contig, nb::device::cpu>& values) {
            noise.fill(block, draw, {values.data(), values.size()});
          },
          nb::arg("block"), nb::arg("draw"), nb::arg("values").noconvert(), "Fills `values` in place, row by row.");
}

}  // namespace lmdm_native
