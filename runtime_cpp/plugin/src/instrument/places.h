#pragma once

#include <filesystem>

namespace lmdm::plugin {

/// Where instruments are installed: $XDG_DATA_HOME/lmdm/instruments, or ~/.local/share/lmdm/instruments.
[[nodiscard]] std::filesystem::path instruments_folder();

/// The instrument of those who chose none: LMDM_BUNDLE of the environment, or else the first in `instruments_folder`.
/// Empty where there is none.
[[nodiscard]] std::filesystem::path default_instrument();

}  // namespace lmdm::plugin
