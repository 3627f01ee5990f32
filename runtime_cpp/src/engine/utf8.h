#pragma once

#include <string>
#include <string_view>

namespace lmdm {

/// Code points of UTF-8 text. A malformed sequence is one U+FFFD for each of its longest valid beginnings, as in Python's
/// `bytes.decode("utf-8", errors="replace")`.
[[nodiscard]] std::u32string from_utf8(std::string_view bytes);
[[nodiscard]] std::string to_utf8(std::u32string_view text);

}  // namespace lmdm
