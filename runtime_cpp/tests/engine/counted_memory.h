#pragma once

#include <cstddef>

namespace lmdm {

/// Counts what this thread allocates with `new` while it lives; one at a time. Link counted_memory.cpp.
class CountedMemory {
 public:
  CountedMemory() noexcept;
  ~CountedMemory();
  CountedMemory(const CountedMemory&) = delete;
  CountedMemory& operator=(const CountedMemory&) = delete;

  [[nodiscard]] std::size_t allocations() const noexcept;
};

}  // namespace lmdm
