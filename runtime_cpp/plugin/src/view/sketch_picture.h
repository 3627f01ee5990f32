#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lmdm/manifest.h"
#include "view/columns.h"

namespace lmdm::plugin {

/// Where a sketch control stands in a block's controls.
struct SketchGroup {
  std::string name;
  std::size_t presence = 0;  ///< channel that is 1 where the control is given
  std::vector<double> axis;  ///< of the channels after it, rising: hertz or decibel; empty where the bundle states none
};

/// The sketch controls of an instrument; without the member the instrument has no such control.
struct SketchLayout {
  std::optional<SketchGroup> pitch, loudness;
};

[[nodiscard]] SketchLayout sketch_layout(const Manifest& manifest);

/// What a block followed as columns, one a frame.
///
/// `controls` are the values of each group, [channels, frames] row by row; a group that is missing, or of another size, counts as absent.
/// `begin` and `end` are the seconds at which the block begins and ends to sound.
[[nodiscard]] std::vector<SketchColumn> sketch_columns(const SketchLayout& layout,
                                                       const std::map<std::string, std::vector<float>>& controls, std::size_t frames,
                                                       double begin, double end);

}  // namespace lmdm::plugin
