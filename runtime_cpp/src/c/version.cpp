#include "lmdm/c.h"

const char* lmdm_version(void) {
  return LMDM_VERSION;
}

int32_t lmdm_abi_version(void) {
  return LMDM_ABI_VERSION;
}
