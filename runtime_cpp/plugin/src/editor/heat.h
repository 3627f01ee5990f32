#pragma once

#include <juce_graphics/juce_graphics.h>

namespace lmdm::plugin {

/// One pixel of a spectrogram: from the ground's black over violet and amber to white.
[[nodiscard]] juce::PixelARGB heat(float decibel) noexcept;

/// Decibels between which a spectrogram's colours run.
inline constexpr float coldest = -84, hottest = -12;

}  // namespace lmdm::plugin
