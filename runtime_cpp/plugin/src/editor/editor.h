#pragma once

#include <juce_audio_processors/juce_audio_processors.h>

#include "view/view.h"

namespace lmdm::plugin {

/// The window of the plugin; the caller owns it. `view` outlives it.
[[nodiscard]] juce::AudioProcessorEditor* make_editor(juce::AudioProcessor& processor, View& view);

}  // namespace lmdm::plugin
