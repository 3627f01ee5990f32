#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/futex.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdlib>
#include <mutex>

#include "audio_thread_tour.h"
#include "watch.h"

namespace lmdm::live::test {
namespace {

TEST(AudioThread, allocates_locks_waits_and_enters_the_kernel_never) {
  forget_calls();
  tour([](const std::function<void()>& call) {
    const Watch watch;
    call();
  });
  EXPECT_EQ(seen_calls(), 0) << "the first was " << first_seen();
}

/// What the test above would see of each thing that is forbidden.
int calls_of(Call kind, const std::function<void()>& deed) {
  forget_calls();
  {
    const Watch watch;
    deed();
  }
  const int found = seen(kind);
  forget_calls();
  return found;
}

TEST(Control, memory_is_seen) {
  static void* volatile memory;
  EXPECT_GE(calls_of(Call::allocate, [] { memory = std::malloc(100); }), 1);
  EXPECT_GE(calls_of(Call::allocate, [] { memory = std::realloc(memory, 200); }), 1);
  EXPECT_GE(calls_of(Call::release, [] { std::free(memory); }), 1);
  EXPECT_GE(calls_of(Call::allocate, [] { memory = std::calloc(4, 4); }), 1);
  std::free(memory);
  EXPECT_GE(calls_of(Call::allocate, [] { memory = new char[100]; }), 1);
  EXPECT_GE(calls_of(Call::release, [] { delete[] static_cast<char*>(memory); }), 1);
  EXPECT_GE(calls_of(Call::allocate, [] { memory = std::aligned_alloc(64, 64); }), 1);
  std::free(memory);
  EXPECT_GE(calls_of(Call::allocate, [] { memory = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }), 1);
}

TEST(Control, locks_waits_and_signals_are_seen) {
  std::mutex mutex;
  std::condition_variable condition;
  EXPECT_GE(calls_of(Call::lock, [&] { const std::scoped_lock lock(mutex); }), 1);
  EXPECT_GE(calls_of(Call::lock,
                     [&] {
                       if (mutex.try_lock()) mutex.unlock();
                     }),
            1);
  EXPECT_GE(calls_of(Call::signal, [&] { condition.notify_one(); }), 1);
  EXPECT_GE(calls_of(Call::signal, [&] { condition.notify_all(); }), 1);
  EXPECT_GE(calls_of(Call::wait,
                     [&] {
                       std::unique_lock lock(mutex);
                       condition.wait_for(lock, std::chrono::microseconds(1));
                     }),
            1);
  sem_t semaphore;
  sem_init(&semaphore, 0, 1);
  EXPECT_GE(calls_of(Call::signal, [&] { sem_post(&semaphore); }), 1);
  EXPECT_GE(calls_of(Call::wait, [&] { sem_wait(&semaphore); }), 1);
}

TEST(Control, sleeping_and_files_are_seen) {
  EXPECT_GE(calls_of(Call::sleep, [] { std::this_thread::sleep_for(std::chrono::microseconds(1)); }), 1);
  EXPECT_GE(calls_of(Call::sleep, [] { std::this_thread::yield(); }), 1);
  EXPECT_GE(calls_of(Call::file, [] { EXPECT_NE(write(-1, "", 0), 1); }), 1);
  EXPECT_GE(calls_of(Call::file, [] { close(open("/dev/null", O_RDONLY)); }), 1);
}

TEST(Control, the_kernel_is_seen_through_the_library_and_past_it) {
  static int word = 0;
  EXPECT_GE(calls_of(Call::kernel, [] { syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0); }), 1);
#if defined(__x86_64__)
  if (!catches_system_calls()) GTEST_SKIP() << "this kernel does not dispatch system calls to user space";
  EXPECT_EQ(calls_of(Call::kernel,
                     [] {
                       long result = 0;
                       __asm__ volatile("syscall" : "=a"(result) : "a"(static_cast<long>(SYS_getppid)) : "rcx", "r11", "memory");
                     }),
            1);
#endif
}

TEST(Control, other_threads_may_do_all_that) {
  forget_calls();
  std::atomic<bool> go{false}, done{false};
  std::thread other([&] {
    while (!go) std::this_thread::yield();
    delete new int;
    done = true;
  });
  {
    const Watch watch;
    go = true;
    while (!done) continue;
  }
  other.join();
  EXPECT_EQ(seen_calls(), 0);
}

}  // namespace
}  // namespace lmdm::live::test
