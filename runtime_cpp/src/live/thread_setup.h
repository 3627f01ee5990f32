#pragma once

namespace lmdm::live {

/// Names the calling thread as debuggers and `top` show it.
void name_thread(const char* name) noexcept;
/// Asks for a realtime priority for the calling thread. Returns the one that it has now: 0 where the system refuses.
[[nodiscard]] int ask_priority(int priority) noexcept;

}  // namespace lmdm::live
