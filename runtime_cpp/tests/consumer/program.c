/* A C program on the installed package: a status and a sentence in place of an exception. */
#include <lmdm/c.h>
#include <stdio.h>
#include <string.h>

int main(void) {
  char error[256] = "";
  lmdm_bundle* bundle = NULL;
  if (lmdm_abi_version() != LMDM_ABI_VERSION) {
    fprintf(stderr, "header and library differ: %d and %d\n", LMDM_ABI_VERSION, (int)lmdm_abi_version());
    return 1;
  }
  if (lmdm_bundle_load("no-such-bundle", &bundle, error, sizeof error) != LMDM_ERROR_BUNDLE || bundle != NULL) {
    fprintf(stderr, "a bundle that does not exist was opened\n");
    return 1;
  }
  printf("lmdm %s: %s\n", lmdm_version(), error);
  return strstr(error, "no-such-bundle") != NULL ? 0 : 1;
}
