#pragma once

#include <filesystem>
#include <optional>

namespace lmdm::ort {

/// Threads for the operators of one graph, and whether they spin while they wait.
struct ThreadChoice {
  int threads;
  bool spinning;
};

/// What `lmdm threads` measured on this machine and left in a bundle's folder; nothing where there is no such file, where it is of another
/// machine, or where it is not as it should be. What is right and wrong is lmdm_runtime/thread_choice.py's, to the letter.
[[nodiscard]] std::optional<ThreadChoice> thread_choice(const std::filesystem::path& bundle);

}  // namespace lmdm::ort
