#pragma once

#include <juce_audio_processors/juce_audio_processors.h>

#include <map>
#include <optional>
#include <string>

#include "processor/session.h"

namespace lmdm::plugin {

/// All that a host saves of a plugin.
struct SessionState {
  Session::Choice choice;
  std::map<std::string, float> values;  ///< of the parameters, by identifier, in their own units

  /// As XML.
  [[nodiscard]] juce::String write() const;
  /// Nothing where the text is no state, is of a later format, or has a value that is no number.
  [[nodiscard]] static std::optional<SessionState> read(const void* data, std::size_t size);
};

[[nodiscard]] std::map<std::string, float> values_of(const juce::AudioProcessor& processor);
/// Sets every parameter: one that has no value to its default, a value out of range to the nearest end.
void set_values(juce::AudioProcessor& processor, const std::map<std::string, float>& values);

}  // namespace lmdm::plugin
