#include "backends/huge_pages.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace lmdm {
namespace {

using Ranges = std::vector<MemoryRange>;

TEST(HugePages, WhatWasThereIsNotAdded) {
  EXPECT_EQ(added({}, {{1, 5}}), (Ranges{{1, 5}}));
  EXPECT_EQ(added({{1, 5}}, {{1, 5}}), Ranges{});
  EXPECT_EQ(added({{1, 5}}, {{1, 9}}), (Ranges{{5, 9}}));
  EXPECT_EQ(added({{3, 5}, {6, 7}}, {{1, 9}}), (Ranges{{1, 3}, {5, 6}, {7, 9}}));
  EXPECT_EQ(added({{1, 9}}, {{2, 3}, {5, 6}}), Ranges{});
  EXPECT_EQ(added({{1, 3}, {20, 30}}, {{2, 6}, {8, 9}}), (Ranges{{3, 6}, {8, 9}}));
  EXPECT_EQ(added({{0, 2}, {8, 12}}, {{1, 10}}), (Ranges{{2, 8}}));
}

#ifdef __linux__

/// Memory of the system's own, in small pages that have all been written.
class Mapping {
 public:
  explicit Mapping(std::size_t bytes)
      : bytes_(bytes), data_(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
    (void)madvise(data_, bytes, MADV_NOHUGEPAGE);
    std::fill_n(static_cast<unsigned char*>(data_), bytes, static_cast<unsigned char>(7));
  }
  ~Mapping() { (void)munmap(data_, bytes_); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  [[nodiscard]] MemoryRange range() const {
    const auto first = reinterpret_cast<std::uintptr_t>(data_);
    return {first, first + bytes_};
  }
  [[nodiscard]] bool whole() const {
    const auto* bytes = static_cast<const unsigned char*>(data_);
    return std::all_of(bytes, bytes + bytes_, [](unsigned char value) { return value == 7; });
  }

 private:
  std::size_t bytes_;
  void* data_;
};

/// KiB of a range that lie in huge pages, as the system counts them.
std::size_t huge_kib(MemoryRange range) {
  std::ifstream file("/proc/self/smaps");
  std::size_t sum = 0;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    const std::size_t dash = line.find('-');
    if (dash != std::string::npos && dash < 17 && line.find(" rw-p ") != std::string::npos) {
      const std::uintptr_t first = std::stoull(line, nullptr, 16), last = std::stoull(line.substr(dash + 1), nullptr, 16);
      inside = first < range.last && last > range.first;
    } else if (inside && line.starts_with("AnonHugePages:")) {
      sum += std::stoull(line.substr(line.find(':') + 1));
    }
  }
  return sum;
}

bool covers(const Ranges& ranges, MemoryRange wanted) {
  const Ranges missing = added(ranges, {wanted});
  return missing.empty();
}

TEST(HugePages, PrivateMemoryHoldsWhatIsAllocatedAndNoFiles) {
  const Ranges before = private_memory();
  const Mapping mapping(1 << 20);
  const Ranges after = private_memory();
  EXPECT_FALSE(covers(before, mapping.range()));
  EXPECT_TRUE(covers(after, mapping.range()));
  EXPECT_TRUE(std::is_sorted(after.begin(), after.end(), [](const MemoryRange& a, const MemoryRange& b) { return a.last < b.first + 1; }));
  const auto code = reinterpret_cast<std::uintptr_t>(&huge_page_size);
  EXPECT_FALSE(covers(after, {code, code + 1}));
}

TEST(HugePages, OnlyWhatAppearsMeanwhileIsMoved) {
  const std::size_t size = huge_page_size();
  if (size == 0) {
    GTEST_SKIP() << "this system gives no huge pages to those who ask: /sys/kernel/mm/transparent_hugepage/enabled";
  }
  const Mapping before(8 * size);
  std::unique_ptr<Mapping> unwanted, wanted;
  {
    const HugePages pages(false);
    unwanted = std::make_unique<Mapping>(8 * size);
  }
  {
    const HugePages pages(true);
    wanted = std::make_unique<Mapping>(8 * size);
  }
  if (huge_kib(wanted->range()) == 0) {
    GTEST_SKIP() << "the system had no huge page to give: " << size << " bytes in a row";
  }
  EXPECT_EQ(huge_kib(before.range()), 0U);
  EXPECT_EQ(huge_kib(unwanted->range()), 0U);
  // The first and the last may lie in part only.
  EXPECT_GE(huge_kib(wanted->range()), 7 * size / 1024);
  EXPECT_TRUE(wanted->whole());
}

#endif

}  // namespace
}  // namespace lmdm
