#include <gtest/gtest.h>

#include <cstdlib>

#include "audio_thread_tour.h"
#include "live/blocking_allowed.h"

// Under -fsanitize=realtime every function of the audio thread is marked, and this program ends where one of them does what it must not.
namespace lmdm::live::test {
namespace {

TEST(AudioThread, passes_every_path) {
  tour([](const std::function<void()>& call) { call(); });
}

#if defined(LMDM_REALTIME_SANITIZER)

/// Seen by all, so that no compiler leaves the allocation out.
void* volatile kept = nullptr;

void allocate() noexcept LMDM_NONBLOCKING {
  kept = std::malloc(64);
  std::free(kept);
}
void lock(std::mutex& mutex) noexcept LMDM_NONBLOCKING {
  const std::scoped_lock held(mutex);
}

TEST(AudioThread, would_be_stopped_at_an_allocation) {
  EXPECT_DEATH(allocate(), "RealtimeSanitizer");
}

TEST(AudioThread, would_be_stopped_at_a_lock) {
  std::mutex mutex;
  EXPECT_DEATH(lock(mutex), "RealtimeSanitizer");
}

#endif

}  // namespace
}  // namespace lmdm::live::test
