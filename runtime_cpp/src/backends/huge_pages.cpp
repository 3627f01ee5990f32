#include "backends/huge_pages.h"

#include <algorithm>

#ifdef __linux__
#include <sys/mman.h>

#include <fstream>
#include <sstream>
#include <string>
#endif

namespace lmdm {

std::vector<MemoryRange> added(const std::vector<MemoryRange>& before, const std::vector<MemoryRange>& after) {
  std::vector<MemoryRange> found;
  for (MemoryRange rest : after) {
    for (const MemoryRange& known : before) {
      if (known.last <= rest.first || known.first >= rest.last) {
        continue;
      }
      if (known.first > rest.first) {
        found.push_back({rest.first, known.first});
      }
      rest.first = std::max(rest.first, known.last);
    }
    if (rest.first < rest.last) {
      found.push_back(rest);
    }
  }
  return found;
}

#ifdef __linux__

namespace {

// <linux/mman.h>; that of an older system lacks it.
constexpr int collapse = 25;

void put_into_huge_pages(MemoryRange range, std::size_t size) {
  const std::uintptr_t first = (range.first + size - 1) / size * size, last = range.last / size * size;
  if (first >= last) {
    return;
  }
  // Whether it works is nobody's concern: without it all is as it was, only slower.
  auto* address = reinterpret_cast<void*>(first);  // NOLINT(performance-no-int-to-ptr): addresses come as numbers
  (void)madvise(address, last - first, MADV_HUGEPAGE);
  (void)madvise(address, last - first, collapse);
}

}  // namespace

std::vector<MemoryRange> private_memory() {
  std::vector<MemoryRange> found;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::istringstream words(line);
    MemoryRange range;
    char dash = 0;
    std::string permissions, offset, device, name;
    std::uint64_t inode = 1;
    words >> std::hex >> range.first >> dash >> range.last >> permissions >> offset >> device >> std::dec >> inode;
    if (words && permissions == "rw-p" && inode == 0) {
      words >> name;
      if (!name.starts_with("[stack")) {
        found.push_back(range);
      }
    }
  }
  return found;
}

std::size_t huge_page_size() {
  std::ifstream enabled("/sys/kernel/mm/transparent_hugepage/enabled");
  std::string modes;
  if (!std::getline(enabled, modes) || modes.find("[never]") != std::string::npos) {
    return 0;
  }
  std::ifstream file("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size");
  std::size_t size = 0;
  return file >> size ? size : 0;
}

#else

namespace {

void put_into_huge_pages(MemoryRange, std::size_t) {}

}  // namespace

std::vector<MemoryRange> private_memory() {
  return {};
}

std::size_t huge_page_size() {
  return 0;
}

#endif

HugePages::HugePages(bool wanted) : size_(wanted ? huge_page_size() : 0) {
  if (size_ > 0) {
    before_ = private_memory();
  }
}

HugePages::~HugePages() {
  if (size_ == 0) {
    return;
  }
  try {
    for (const MemoryRange& range : added(before_, private_memory())) {
      put_into_huge_pages(range, size_);
    }
  } catch (...) {  // NOLINT(bugprone-empty-catch): out of memory, where small pages are the least concern
  }
}

}  // namespace lmdm
