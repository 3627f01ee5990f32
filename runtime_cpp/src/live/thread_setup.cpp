#include "live/thread_setup.h"

#include <algorithm>

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#include <sched.h>
#endif

namespace lmdm::live {

#if defined(__unix__) || defined(__APPLE__)

void name_thread(const char* name) noexcept {
#if defined(__APPLE__)
  pthread_setname_np(name);
#else
  pthread_setname_np(pthread_self(), name);
#endif
}

int ask_priority(int priority) noexcept {
  if (priority <= 0) return 0;
  sched_param wish{};
  wish.sched_priority = std::clamp(priority, sched_get_priority_min(SCHED_FIFO), sched_get_priority_max(SCHED_FIFO));
  return pthread_setschedparam(pthread_self(), SCHED_FIFO, &wish) == 0 ? wish.sched_priority : 0;
}

#else

void name_thread(const char*) noexcept {}
int ask_priority(int) noexcept {
  return 0;
}

#endif

}  // namespace lmdm::live
