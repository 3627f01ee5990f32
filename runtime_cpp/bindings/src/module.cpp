#include "parts.h"

NB_MODULE(_core, module) {
  module.doc() = "The C++ runtime of lmdm. Calls that take long release the GIL.";
  lmdm_native::bind_errors();
  lmdm_native::bind_bundle(module);
  lmdm_native::bind_noise(module);
  lmdm_native::bind_generator(module);
}
