#pragma once

#include <cstddef>
#include <span>

/// Row after row, as in [channels, samples] and [C, frames].
namespace lmdm {

/// Moves a window [rows, length] on: `newer` [rows, n] stands at its end, and the oldest n of each row are gone.
void slide(std::span<float> window, std::span<const float> newer, std::size_t rows) noexcept;

/// Columns `first` to `first + to.size() / rows` of [rows, n] into `to` [rows, count].
void copy_columns(std::span<const float> from, std::size_t rows, std::size_t first, std::span<float> to) noexcept;

/// [rows, count] into columns `first` and later of `to` [rows, n].
void paste_columns(std::span<const float> from, std::size_t rows, std::span<float> to, std::size_t first) noexcept;

}  // namespace lmdm
