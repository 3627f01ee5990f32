#pragma once

#include <juce_core/juce_core.h>

#include <filesystem>

namespace lmdm::host {

/// A path, from the working folder where it is relative, as JUCE names files.
[[nodiscard]] inline juce::File file_at(const std::filesystem::path& path) {
  return juce::File::getCurrentWorkingDirectory().getChildFile(juce::String::fromUTF8(path.string().c_str()));
}

}  // namespace lmdm::host
