#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

/// Values inside of sentences, spelled as Python's repr spells them, so that both runtimes refuse in the same words.
namespace lmdm {

/// As in 1.0, 1e-05, nan and inf.
[[nodiscard]] std::string spelled(double number);
/// As in [1.0, 0.25].
[[nodiscard]] std::string spelled_list(std::span<const double> numbers);
/// As in (1.0, 0.25).
[[nodiscard]] std::string spelled_tuple(std::span<const double> numbers);
/// Text in quotation marks with escapes, cut after `most` characters.
[[nodiscard]] std::string spelled(std::string_view text, std::size_t most = std::string_view::npos);

}  // namespace lmdm
