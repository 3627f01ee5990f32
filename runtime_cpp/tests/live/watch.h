#pragma once

#include <atomic>

namespace lmdm::live::test {

/// What the audio thread must not call.
enum class Call { allocate, release, lock, wait, signal, sleep, file, kernel };
constexpr int kinds_of_call = 8;

/// While it lives, calls of this thread are counted, and a system call is caught whoever makes it.
class Watch {
 public:
  Watch() noexcept;
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
};

/// Calls of a kind that were seen in a Watch since the last `forget_calls`, of all threads.
[[nodiscard]] int seen(Call call) noexcept;
[[nodiscard]] int seen_calls() noexcept;
/// The first function that was seen, or null.
[[nodiscard]] const char* first_seen() noexcept;
void forget_calls() noexcept;
/// Counts, where the calling thread is watched.
void note(Call call, const char* function) noexcept;

/// Whether this machine can catch system calls (Linux 5.11 and newer, x86-64).
[[nodiscard]] bool catches_system_calls() noexcept;
/// The halves of a Watch that concern the kernel.
void watch_kernel(bool on) noexcept;

}  // namespace lmdm::live::test
