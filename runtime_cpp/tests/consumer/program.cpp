// A C++ program on the installed package: numbers come out of the library, and its errors are caught across the library's edge.
#include <lmdm/lmdm.h>

#include <iostream>

int main() {
  // The first known answer of the authors of Philox (Random123, kat_vectors): philox4x32 with 10 rounds, zeros in.
  const auto words = lmdm::philox4x32({0, 0, 0, 0}, {0, 0});
  if (words[0] != 0x6627e8d5U || words[3] != 0x9b00dbd8U) {
    std::cerr << "philox4x32 gives other numbers than its authors'\n";
    return 1;
  }
  try {
    (void)lmdm::Bundle::load("no-such-bundle");
  } catch (const lmdm::Error& error) {
    std::cout << error.what() << '\n';
    return error.kind() == lmdm::ErrorKind::bundle ? 0 : 1;
  }
  std::cerr << "a bundle that does not exist was opened\n";
  return 1;
}
