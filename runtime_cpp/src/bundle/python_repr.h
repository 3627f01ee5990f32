#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace lmdm::bundles {

/// A string as Python's repr writes it, so that both runtimes quote names alike.
[[nodiscard]] std::string in_quotes(std::string_view text);
/// A JSON value likewise; what lies far beyond the length of a sentence is left out.
[[nodiscard]] std::string python_repr(const nlohmann::json& value);

}  // namespace lmdm::bundles
