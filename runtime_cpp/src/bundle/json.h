#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace lmdm::bundles {

using Json = nlohmann::json;

/// Strict JSON in UTF-8: no key twice in one object, no constant such as NaN, no number beyond float64, no deeper than a manifest needs.
/// Throws std::runtime_error with the reason in words.
[[nodiscard]] Json parse_json(std::string_view text);

}  // namespace lmdm::bundles
