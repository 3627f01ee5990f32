#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "lmdm/manifest.h"

namespace lmdm::bench {

/// Name, processor, cores, memory, load and system, as far as this system tells them.
[[nodiscard]] nlohmann::ordered_json machine();
/// Load averages of 1, 5 and 15 minutes.
[[nodiscard]] nlohmann::ordered_json load_average();
/// RSS, PSS and private memory of this process in MiB; null where the system does not tell.
[[nodiscard]] nlohmann::ordered_json memory();
/// Size of the weight files in MiB.
[[nodiscard]] double weights_mib(const Manifest& manifest);

}  // namespace lmdm::bench
