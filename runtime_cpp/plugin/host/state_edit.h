#pragma once

#include <juce_data_structures/juce_data_structures.h>

#include <map>
#include <string>

namespace lmdm::host {

/// The state that this host keeps of a VST3, with attributes of the plugin's own XML changed; they go by "element.attribute". Throws
/// Error(session): the state is of another kind, or has no such attribute.
[[nodiscard]] juce::MemoryBlock edited_state(const juce::MemoryBlock& state, const std::map<std::string, std::string>& attributes);

}  // namespace lmdm::host
