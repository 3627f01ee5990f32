#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string>

#include "c/arguments.h"

/// Structs that begin with their size, so that programs and libraries of different versions understand each other.
namespace lmdm::c {

// Far more than any version will need: a larger size is memory that was never set.
inline constexpr std::size_t largest_struct = 4096;

template <class T>
[[nodiscard]] bool has_size(const T& given) noexcept {
  return given.struct_size >= sizeof(given.struct_size) && given.struct_size <= largest_struct;
}

template <class T>
void require_size(const T& given) {
  if (!has_size(given)) {
    throw Misuse("struct_size is " + std::to_string(given.struct_size) + ", expected " + std::to_string(sizeof(T)) +
                 "; zero the struct and set struct_size to its sizeof");
  }
}

/// The caller's parameters, with defaults where the caller is older or gave none.
template <class T>
[[nodiscard]] T parameters(const T* given) {
  T known{};
  if (given == nullptr) return known;
  require_size(*given);
  const std::size_t size = given->struct_size;
  const auto* bytes = reinterpret_cast<const unsigned char*>(given);
  if (std::any_of(bytes + std::min(size, sizeof(T)), bytes + size, [](unsigned char byte) { return byte != 0; })) {
    throw Misuse(std::string("a parameter is set that lmdm ") + lmdm_version() + " does not know; install a newer lmdm");
  }
  std::memcpy(&known, given, std::min(size, sizeof(T)));
  return known;
}

/// As much of `values` as the caller knows, whose size is right.
template <class T>
void copy_known(T& target, T values) noexcept {
  values.struct_size = target.struct_size;
  std::memcpy(&target, &values, std::min(target.struct_size, sizeof(T)));
}

template <class T>
void give(T* target, const T& values, const char* what) {
  require_size(required(target, what));
  copy_known(*target, values);
}

/// The fields of a tuning that are given.
[[nodiscard]] inline Tuning tuning_of(const lmdm_tuning* given) {
  const lmdm_tuning known = parameters(given);
  Tuning tuning;
  if (known.has_seed != 0) tuning.seed = known.seed;
  if (known.has_steps != 0) tuning.steps = known.steps;
  if (known.has_guidance_scale != 0) tuning.guidance_scale = known.guidance_scale;
  if (known.has_context_drop != 0) tuning.context_drop = known.context_drop;
  if (known.has_feedback != 0) tuning.feedback = known.feedback;
  if (known.has_hold_noise != 0) tuning.hold_noise = known.hold_noise != 0;
  return tuning;
}

/// The value of an enumeration of `count` values.
template <class Enum>
[[nodiscard]] Enum choice(int value, int count, const char* what) {
  if (value < 0 || value >= count) {
    throw Misuse(std::string(what) + " is " + std::to_string(value) + ", expected 0 to " + std::to_string(count - 1) + "; see lmdm/c.h");
  }
  return static_cast<Enum>(value);
}

}  // namespace lmdm::c
