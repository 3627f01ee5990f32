#pragma once

/// Marks what an audio thread may call. Under clang 20 and newer, RealtimeSanitizer (-fsanitize=realtime) then stops the program where such
/// a function allocates, locks, waits or enters the kernel.
#if defined(__clang__) && defined(__has_cpp_attribute)
#if __has_cpp_attribute(clang::nonblocking)
#define LMDM_NONBLOCKING [[clang::nonblocking]]
#endif
#endif
#ifndef LMDM_NONBLOCKING
#define LMDM_NONBLOCKING
#endif
