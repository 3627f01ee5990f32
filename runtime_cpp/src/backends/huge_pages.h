#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace lmdm {

/// Addresses from `first` up to `last`, which is the first beyond.
struct MemoryRange {
  std::uintptr_t first = 0, last = 0;
  bool operator==(const MemoryRange&) const = default;
};

/// What of the ranges `after` was not in `before`; both are in order and do not overlap.
[[nodiscard]] std::vector<MemoryRange> added(const std::vector<MemoryRange>& before, const std::vector<MemoryRange>& after);

/// Ranges that this process may write and that no file lies under, in order; none where the system does not say.
[[nodiscard]] std::vector<MemoryRange> private_memory();

/// Bytes of a huge page; 0 where there are none to ask for.
[[nodiscard]] std::size_t huge_page_size();

/// Private memory that appears while it lives is in huge pages afterwards, where the system lets programs ask for them. It is for loading
/// a graph: a step reads every weight once, and in pages of 4 KiB the weights of even a small network are more pages than a processor
/// keeps translations of. Of what another thread allocates meanwhile the same becomes true. Not for a thread that must not wait.
class HugePages {
 public:
  explicit HugePages(bool wanted);
  ~HugePages();
  HugePages(const HugePages&) = delete;
  HugePages& operator=(const HugePages&) = delete;

 private:
  std::size_t size_;
  std::vector<MemoryRange> before_;
};

}  // namespace lmdm
