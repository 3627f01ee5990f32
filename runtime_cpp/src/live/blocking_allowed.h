#pragma once

#if defined(__has_feature)
#if __has_feature(realtime_sanitizer)
#include <sanitizer/rtsan_interface.h>
#define LMDM_REALTIME_SANITIZER 1
#endif
#endif

namespace lmdm::live {

/// While it lives, RealtimeSanitizer lets this thread wait: a host that renders offline wants that.
#if defined(LMDM_REALTIME_SANITIZER)
using BlockingAllowed = __rtsan::ScopedDisabler;
#else
struct BlockingAllowed {
  BlockingAllowed() noexcept {}  // so that no compiler calls it unused
};
#endif

}  // namespace lmdm::live
