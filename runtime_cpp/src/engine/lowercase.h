#pragma once

#include <string>
#include <string_view>

namespace lmdm {

/// Lower case as in Python's `str.lower()`: the full mapping of Unicode, with the final sigma.
[[nodiscard]] std::u32string lowercase(std::u32string_view text);

}  // namespace lmdm
