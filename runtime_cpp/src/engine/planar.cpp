#include "engine/planar.h"

#include <algorithm>

namespace lmdm {

void slide(std::span<float> window, std::span<const float> newer, std::size_t rows) noexcept {
  const std::size_t length = window.size() / rows, count = newer.size() / rows;
  const std::size_t kept = length - std::min(length, count), fresh = length - kept;
  for (std::size_t row = 0; row < rows; ++row) {
    const auto old = window.subspan(row * length, length);
    for (std::size_t i = 0; i < kept; ++i) old[i] = old[i + fresh];
    std::ranges::copy(newer.subspan(row * count, count).last(fresh), old.last(fresh).begin());
  }
}

void copy_columns(std::span<const float> from, std::size_t rows, std::size_t first, std::span<float> to) noexcept {
  const std::size_t length = from.size() / rows, count = to.size() / rows;
  for (std::size_t row = 0; row < rows; ++row) {
    const auto part = from.subspan(row * length + first, count);
    std::copy(part.begin(), part.end(), to.subspan(row * count, count).begin());
  }
}

void paste_columns(std::span<const float> from, std::size_t rows, std::span<float> to, std::size_t first) noexcept {
  const std::size_t length = to.size() / rows, count = from.size() / rows;
  for (std::size_t row = 0; row < rows; ++row) {
    const auto part = from.subspan(row * count, count);
    std::copy(part.begin(), part.end(), to.subspan(row * length + first, count).begin());
  }
}

}  // namespace lmdm
