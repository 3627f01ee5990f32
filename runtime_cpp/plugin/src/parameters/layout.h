#pragma once

#include <juce_audio_processors/juce_audio_processors.h>

namespace lmdm::plugin {

/// The dry signal is delayed by the latency, which the host is told; or it is heard at once, and the host is told of none.
enum class Monitor { aligned, direct };

/// Time to make a block in.
enum class Headroom { measured, ms_50, ms_100, ms_200, ms_400, whole_block };

/// Layouts of one instrument that a session can choose from.
inline constexpr int most_layouts = 8;

/// All parameters, in the order in which a host lists them.
[[nodiscard]] juce::AudioProcessorValueTreeState::ParameterLayout parameter_layout();

}  // namespace lmdm::plugin
