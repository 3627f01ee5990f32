#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace lmdm::bundles {

inline constexpr std::string_view export_again = "export the checkpoint again with lmdm export";

/// Throws Error(bundle) with the sentence, on one line whatever names it holds.
[[noreturn]] void refuse(const std::string& sentence);

/// Control characters as spaces and stray bytes as question marks: names and what libraries report may hold either.
[[nodiscard]] std::string one_line(std::string_view text);
/// The first `characters` of a UTF-8 text.
[[nodiscard]] std::string shortened(std::string_view text, std::size_t characters);
/// Characters, not bytes, of a UTF-8 text.
[[nodiscard]] std::size_t length_of(std::string_view text) noexcept;

}  // namespace lmdm::bundles
