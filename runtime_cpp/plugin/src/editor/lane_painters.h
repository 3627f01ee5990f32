#pragma once

#include <juce_graphics/juce_graphics.h>

#include <span>

#include "view/columns.h"

/// Pixel columns of the three lanes, from top to bottom; see Lane::Painter.
namespace lmdm::plugin {

void paint_pitch(const SketchColumn& from, const SketchColumn& to, float place, float step, std::span<juce::PixelARGB> pixels);
void paint_loudness(const SketchColumn& from, const SketchColumn& to, float place, float step, std::span<juce::PixelARGB> pixels);
void paint_spectrum(const SpectrumColumn& from, const SpectrumColumn& to, float place, float step, std::span<juce::PixelARGB> pixels);

}  // namespace lmdm::plugin
