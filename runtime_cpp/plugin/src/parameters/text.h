#pragma once

#include <juce_core/juce_core.h>

/// How values read, without their unit, and how what a person types is understood, with or without it.
namespace lmdm::plugin::text {

[[nodiscard]] juce::String decibels(float value, int length);
/// Of a share 0-1, in percent.
[[nodiscard]] juce::String percent(float value, int length);
[[nodiscard]] juce::String whole(int value, int length);
/// 0 is the bundle's own.
[[nodiscard]] juce::String steps(int value, int length);
[[nodiscard]] juce::String guidance(float value, int length);

[[nodiscard]] float number(const juce::String& typed);
[[nodiscard]] float share(const juce::String& typed);
[[nodiscard]] int whole_number(const juce::String& typed);
[[nodiscard]] int steps_number(const juce::String& typed);
[[nodiscard]] float guidance_number(const juce::String& typed);

}  // namespace lmdm::plugin::text
