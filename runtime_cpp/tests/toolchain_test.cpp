// What a real-time runtime asks of the toolchain and the machine: C++20, IEEE floats, and atomics that never take a lock.
#include <atomic>
#include <bit>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <thread>

static_assert(__cplusplus >= 202002L, "the runtime needs a C++20 compiler");
static_assert(std::numeric_limits<float>::is_iec559, "fixtures are IEEE 754 single precision");
static_assert(std::endian::native == std::endian::little, "weights and fixtures are little-endian");
static_assert(std::atomic<std::uint64_t>::is_always_lock_free && std::atomic<float>::is_always_lock_free,
              "the audio thread shares counters and parameters through atomics");

namespace {

// One writer and one reader with acquire and release, the only synchronisation that the audio thread will use.
bool release_is_seen_by_acquire() {
    constexpr std::uint32_t rounds = 20'000;
    std::uint32_t payload = 0;
    std::atomic<std::uint32_t> ready{0};
    std::atomic<std::uint32_t> seen{0};
    std::thread writer([&] {
        for (std::uint32_t i = 1; i <= rounds; ++i) {
            while (seen.load(std::memory_order_acquire) != i - 1) {
                std::this_thread::yield();
            }
            payload = i;
            ready.store(i, std::memory_order_release);
        }
    });
    bool equal = true;
    for (std::uint32_t i = 1; i <= rounds; ++i) {
        while (ready.load(std::memory_order_acquire) != i) {
            std::this_thread::yield();
        }
        equal = equal && payload == i;
        seen.store(i, std::memory_order_release);
    }
    writer.join();
    return equal;
}

}  // namespace

int main() {
    if (!release_is_seen_by_acquire()) {
        std::puts("a value written before a release store was not seen after the acquire load");
        return 1;
    }
    return 0;
}
