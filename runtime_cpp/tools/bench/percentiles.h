#pragma once

#include <nlohmann/json.hpp>
#include <vector>

namespace lmdm::bench {

/// p50, p95, p99, max and count of milliseconds; null figures where there is none. Between two values as numpy interpolates.
[[nodiscard]] nlohmann::ordered_json percentiles(std::vector<double> values);

}  // namespace lmdm::bench
