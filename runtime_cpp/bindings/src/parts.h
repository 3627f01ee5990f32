#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <string>

/// The parts of the module; each file binds one header of lmdm.
namespace lmdm_native {

namespace nb = nanobind;

/// Planar float32 values of the host, row by row; other types and layouts are converted on the way in.
using Planar = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

void bind_errors();
void bind_bundle(nb::module_& module);
void bind_noise(nb::module_& module);
void bind_generator(nb::module_& module);

}  // namespace lmdm_native
