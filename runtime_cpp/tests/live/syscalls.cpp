// Every system call of a watched thread, by the kernel's own dispatch to user space: no library function is needed to make it, and none
// hides it.
#include <signal.h>
#include <sys/prctl.h>
#include <ucontext.h>

#include "watch.h"

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#endif

namespace lmdm::live::test {
namespace {

constexpr char pass = 0, block = 1;
thread_local volatile char selector = pass;
thread_local bool dispatched = false;

/// Lets the call be made after all, which the library may depend on. From here on the thread may enter the kernel, for this handler must
/// return; one call is proof enough.
void on_system_call(int, siginfo_t*, [[maybe_unused]] void* context) {
  selector = pass;
  note(Call::kernel, "a system call");
#if defined(__x86_64__)
  constexpr greg_t length_of_instruction = 2;
  static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP] -= length_of_instruction;
#endif
}

bool dispatch() noexcept {
  struct sigaction action{};
  action.sa_sigaction = on_system_call;
  action.sa_flags = SA_SIGINFO;
  if (sigaction(SIGSYS, &action, nullptr) != 0) return false;
  return prctl(PR_SET_SYSCALL_USER_DISPATCH, 1, 0, 0, &selector) == 0;
}

}  // namespace

bool catches_system_calls() noexcept {
#if defined(__x86_64__)
  if (!dispatched) dispatched = dispatch();
#endif
  return dispatched;
}

void watch_kernel(bool on) noexcept {
  if (!on) {
    selector = pass;
  } else if (catches_system_calls()) {
    selector = block;
  }
}

}  // namespace lmdm::live::test
