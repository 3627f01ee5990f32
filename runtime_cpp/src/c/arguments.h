#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "c/guard.h"
#include "lmdm/generator.h"

/// Arguments of the ABI as C++ sees them. All of these throw Misuse.
namespace lmdm::c {

[[noreturn]] void refuse_null(const char* what);

/// What a pointer points to; `what` names the argument.
template <class T>
[[nodiscard]] T& required(T* pointer, const char* what) {
  if (pointer == nullptr) refuse_null(what);
  return *pointer;
}

[[nodiscard]] std::string text(const char* text, const char* what);
[[nodiscard]] std::vector<std::string> texts(const char* const* list, std::size_t count, const char* what);
[[nodiscard]] std::vector<WeightedPrompt> mix(const char* const* prompts, const double* weights, std::size_t count);
/// Null is allowed where the count is 0.
[[nodiscard]] std::span<const float> floats(const float* values, std::size_t count, const char* what);
/// `rows` rows of `columns` values.
[[nodiscard]] std::span<const float> rows(const float* values, std::size_t rows, std::size_t columns, const char* what);
/// The first `needed` of `count` values.
[[nodiscard]] std::span<float> room(float* values, std::size_t count, std::size_t needed, const char* what);
/// For text that a caller reads: a place of at least one byte.
void require_text_room(const char* text, std::size_t size);

}  // namespace lmdm::c
