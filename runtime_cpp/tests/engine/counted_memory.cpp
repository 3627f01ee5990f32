#include "counted_memory.h"

#include <cstdlib>
#include <new>

namespace {

thread_local bool counting = false;
thread_local std::size_t counted = 0;

}  // namespace

void* operator new(std::size_t size) {
  if (counting) ++counted;
  if (void* const memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace lmdm {

CountedMemory::CountedMemory() noexcept {
  counted = 0;
  counting = true;
}
CountedMemory::~CountedMemory() {
  counting = false;
}

std::size_t CountedMemory::allocations() const noexcept {
  return counted;
}

}  // namespace lmdm
