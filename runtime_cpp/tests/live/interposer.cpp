// The functions of the C library that allocate, lock, wait or enter the kernel, before those of the library itself.
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>

#include "watch.h"

namespace lmdm::live::test {
namespace {

thread_local bool watched = false;
std::array<std::atomic<int>, kinds_of_call> counts{};
std::atomic<const char*> first{nullptr};

}  // namespace

Watch::Watch() noexcept {
  watched = true;
  watch_kernel(true);
}
Watch::~Watch() {
  watch_kernel(false);
  watched = false;
}

int seen(Call call) noexcept {
  return counts[static_cast<std::size_t>(call)].load();
}
int seen_calls() noexcept {
  int sum = 0;
  for (const auto& count : counts) sum += count.load();
  return sum;
}
const char* first_seen() noexcept {
  return first.load();
}
void forget_calls() noexcept {
  for (auto& count : counts) count = 0;
  first = nullptr;
}

void note(Call call, const char* function) noexcept {
  if (!watched) return;
  ++counts[static_cast<std::size_t>(call)];
  const char* none = nullptr;
  first.compare_exchange_strong(none, function);
}

}  // namespace lmdm::live::test

namespace {

using lmdm::live::test::Call;
using lmdm::live::test::note;

/// The library's own function of that name and type.
template <class Function>
Function* next(const char* name) noexcept {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

// Two things of the C library have no other form: the functions that dlsym itself needs, and the names of the arguments.
// Seen by other libraries, whose calls are to come here too.
#pragma GCC visibility push(default)
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void __libc_free(void*);

void* malloc(std::size_t size) noexcept {
  note(Call::allocate, "malloc");
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) noexcept {
  note(Call::allocate, "calloc");
  return __libc_calloc(count, size);
}
void* realloc(void* memory, std::size_t size) noexcept {
  note(Call::allocate, "realloc");
  return __libc_realloc(memory, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  note(Call::allocate, "aligned_alloc");
  return __libc_memalign(alignment, size);
}
int posix_memalign(void** memory, std::size_t alignment, std::size_t size) noexcept {
  note(Call::allocate, "posix_memalign");
  *memory = __libc_memalign(alignment, size);
  return *memory == nullptr ? ENOMEM : 0;
}
void free(void* memory) noexcept {
  if (memory != nullptr) note(Call::release, "free");
  __libc_free(memory);
}

#define LMDM_PASS(call, name, type, ...)           \
  note(call, #name);                               \
  static auto* const original = next<type>(#name); \
  return original(__VA_ARGS__)

int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
  LMDM_PASS(Call::lock, pthread_mutex_lock, int(pthread_mutex_t*), mutex);
}
int pthread_mutex_trylock(pthread_mutex_t* mutex) noexcept {
  LMDM_PASS(Call::lock, pthread_mutex_trylock, int(pthread_mutex_t*), mutex);
}
int pthread_mutex_unlock(pthread_mutex_t* mutex) noexcept {
  LMDM_PASS(Call::lock, pthread_mutex_unlock, int(pthread_mutex_t*), mutex);
}
int pthread_rwlock_rdlock(pthread_rwlock_t* lock) noexcept {
  LMDM_PASS(Call::lock, pthread_rwlock_rdlock, int(pthread_rwlock_t*), lock);
}
int pthread_rwlock_wrlock(pthread_rwlock_t* lock) noexcept {
  LMDM_PASS(Call::lock, pthread_rwlock_wrlock, int(pthread_rwlock_t*), lock);
}
int pthread_spin_lock(pthread_spinlock_t* lock) noexcept {
  LMDM_PASS(Call::lock, pthread_spin_lock, int(pthread_spinlock_t*), lock);
}
int pthread_cond_wait(pthread_cond_t* condition, pthread_mutex_t* mutex) {
  LMDM_PASS(Call::wait, pthread_cond_wait, int(pthread_cond_t*, pthread_mutex_t*), condition, mutex);
}
int pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex, const timespec* until) {
  LMDM_PASS(Call::wait, pthread_cond_timedwait, int(pthread_cond_t*, pthread_mutex_t*, const timespec*), condition, mutex, until);
}
int pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t clock, const timespec* until) {
  LMDM_PASS(Call::wait, pthread_cond_clockwait, int(pthread_cond_t*, pthread_mutex_t*, clockid_t, const timespec*), condition, mutex, clock,
            until);
}
int pthread_cond_signal(pthread_cond_t* condition) noexcept {
  LMDM_PASS(Call::signal, pthread_cond_signal, int(pthread_cond_t*), condition);
}
int pthread_cond_broadcast(pthread_cond_t* condition) noexcept {
  LMDM_PASS(Call::signal, pthread_cond_broadcast, int(pthread_cond_t*), condition);
}
int sem_wait(sem_t* semaphore) {
  LMDM_PASS(Call::wait, sem_wait, int(sem_t*), semaphore);
}
int sem_post(sem_t* semaphore) noexcept {
  LMDM_PASS(Call::signal, sem_post, int(sem_t*), semaphore);
}
int nanosleep(const timespec* time, timespec* left) {
  LMDM_PASS(Call::sleep, nanosleep, int(const timespec*, timespec*), time, left);
}
int clock_nanosleep(clockid_t clock, int flags, const timespec* time, timespec* left) {
  LMDM_PASS(Call::sleep, clock_nanosleep, int(clockid_t, int, const timespec*, timespec*), clock, flags, time, left);
}
int usleep(useconds_t time) {
  LMDM_PASS(Call::sleep, usleep, int(useconds_t), time);
}
int sched_yield() noexcept {
  LMDM_PASS(Call::sleep, sched_yield, int());
}
ssize_t write(int file, const void* from, std::size_t count) {
  LMDM_PASS(Call::file, write, ssize_t(int, const void*, std::size_t), file, from, count);
}
ssize_t read(int file, void* to, std::size_t count) {
  LMDM_PASS(Call::file, read, ssize_t(int, void*, std::size_t), file, to, count);
}
int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const int mode = va_arg(arguments, int);
  va_end(arguments);
  LMDM_PASS(Call::file, open, int(const char*, int, ...), path, flags, mode);
}
void* mmap(void* address, std::size_t size, int protection, int flags, int file, off_t offset) noexcept {
  LMDM_PASS(Call::allocate, mmap, void*(void*, std::size_t, int, int, int, off_t), address, size, protection, flags, file, offset);
}
int munmap(void* address, std::size_t size) noexcept {
  LMDM_PASS(Call::release, munmap, int(void*, std::size_t), address, size);
}
long syscall(long number, ...) noexcept {
  va_list arguments;
  va_start(arguments, number);
  long values[6];
  for (long& value : values) value = va_arg(arguments, long);
  va_end(arguments);
  LMDM_PASS(Call::kernel, syscall, long(long, ...), number, values[0], values[1], values[2], values[3], values[4], values[5]);
}
}  // extern "C"
#pragma GCC visibility pop
