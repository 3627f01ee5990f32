#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "lmdm/c.h"

namespace lmdm::c {

/// A call that breaks the rules of the ABI, as a sentence.
class Misuse : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

/// Writes text that always ends with 0, cut between characters; nothing where there is no room at all.
void write_text(char* target, std::size_t size, std::string_view text) noexcept;

/// Status and sentence of the exception that is being handled.
[[nodiscard]] lmdm_status caught(char* error, std::size_t error_size) noexcept;

/// Runs what a function of the ABI does; whatever is thrown becomes a status and a sentence.
template <class Action>
[[nodiscard]] lmdm_status guarded(char* error, std::size_t error_size, Action&& action) noexcept {
  write_text(error, error_size, {});
  try {
    std::forward<Action>(action)();
    return LMDM_OK;
  } catch (...) {
    return caught(error, error_size);
  }
}

}  // namespace lmdm::c
