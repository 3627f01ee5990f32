#pragma once

#if defined(__SSE__) || defined(_M_X64)
#include <xmmintrin.h>
#endif
#include <cstdint>

namespace lmdm {

/// While it lives, this thread treats denormal numbers as zero; afterwards it is as before. They are up to 30 times slower than others,
/// and ONNX Runtime's own setting reaches its worker threads, and the caller only once and for good.
class DenormalsAreZero {
 public:
  DenormalsAreZero() noexcept : before_(get()) { set(before_ | mask); }
  ~DenormalsAreZero() { set(before_); }
  DenormalsAreZero(const DenormalsAreZero&) = delete;
  DenormalsAreZero& operator=(const DenormalsAreZero&) = delete;

 private:
#if defined(__SSE__) || defined(_M_X64)
  using Control = unsigned int;
  static constexpr Control mask = 0x8040;  // flush to zero, denormals are zero
  static Control get() noexcept { return _mm_getcsr(); }
  static void set(Control value) noexcept { _mm_setcsr(value); }
#elif defined(__aarch64__)
  using Control = std::uint64_t;
  static constexpr Control mask = std::uint64_t{1} << 24U;  // flush to zero
  static Control get() noexcept {
    Control value = 0;
    __asm__ volatile("mrs %0, fpcr" : "=r"(value));
    return value;
  }
  static void set(Control value) noexcept { __asm__ volatile("msr fpcr, %0" : : "r"(value)); }
#else
  using Control = unsigned int;
  static constexpr Control mask = 0;
  static Control get() noexcept { return 0; }
  static void set(Control) noexcept {}
#endif
  Control before_;
};

}  // namespace lmdm
