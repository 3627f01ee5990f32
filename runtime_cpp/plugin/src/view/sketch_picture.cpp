#include "view/sketch_picture.h"

#include <algorithm>
#include <limits>
#include <span>

namespace lmdm::plugin {
namespace {

using Controls = std::map<std::string, std::vector<float>>;

std::optional<SketchGroup> find_group(const Manifest& manifest, const std::string& kind) {
  for (const ControlEntry& control : manifest.controls) {
    if (control.kind != kind || control.source != ControlSource::sketch || control.groups.empty()) continue;
    SketchGroup group{control.groups.front().name, static_cast<std::size_t>(control.presence.value_or(0)), {}};
    if (control.axis) group.axis = control.axis->values;
    return group;
  }
  return std::nullopt;
}

/// One frame of a group: its presence and the values behind it; no values where the control is absent.
struct Frame {
  float presence = 0;
  std::vector<float> values = {};
};

Frame frame_of(const std::optional<SketchGroup>& group, const Controls& controls, std::size_t frames, std::size_t frame) {
  if (!group) return {};
  const auto found = controls.find(group->name);
  if (found == controls.end()) return {};
  const std::span<const float> rows(found->second);
  const std::size_t channels = rows.size() / frames;
  if (channels * frames != rows.size() || channels <= group->presence + 1) return {};
  if (!group->axis.empty() && channels != group->presence + 1 + group->axis.size()) return {};
  Frame made{rows[group->presence * frames + frame]};
  if (!(made.presence > 0)) return {};
  for (std::size_t channel = group->presence + 1; channel < channels; ++channel) made.values.push_back(rows[channel * frames + frame]);
  return made;
}

std::vector<float> bins(const Frame& frame) {
  std::vector<float> made(frame.values.size());
  std::transform(frame.values.begin(), frame.values.end(), made.begin(), [](float value) { return std::clamp(value, 0.0F, 1.0F); });
  return made;
}

/// The level between whose neighbours the loudness is shared, as a place on the axis. A strength below 1 makes all shares smaller, not it.
float place(const Frame& frame, const std::vector<double>& axis) {
  if (frame.values.empty()) return std::numeric_limits<float>::quiet_NaN();
  if (frame.values.size() == 1) return std::clamp(frame.values.front() / frame.presence, 0.0F, 1.0F);
  double sum = 0, share = 0;
  const auto last = static_cast<double>(frame.values.size() - 1);
  for (std::size_t level = 0; level < frame.values.size(); ++level) {
    const double at = axis.empty() ? static_cast<double>(level) / last : (axis[level] - axis.front()) / (axis.back() - axis.front());
    const double weight = std::max(frame.values[level], 0.0F);
    sum += at * weight;
    share += weight;
  }
  return share > 0 ? static_cast<float>(sum / share) : 0.0F;
}

}  // namespace

SketchLayout sketch_layout(const Manifest& manifest) {
  return {find_group(manifest, "pitch"), find_group(manifest, "loudness")};
}

std::vector<SketchColumn> sketch_columns(const SketchLayout& layout, const Controls& controls, std::size_t frames, double begin,
                                         double end) {
  std::vector<SketchColumn> made;
  const std::vector<double> no_axis;
  for (std::size_t frame = 0; frame < frames; ++frame) {
    const double seconds = begin + (end - begin) * static_cast<double>(frame) / static_cast<double>(frames);
    const Frame pitch = frame_of(layout.pitch, controls, frames, frame);
    const Frame loudness = frame_of(layout.loudness, controls, frames, frame);
    made.push_back({seconds, bins(pitch), place(loudness, layout.loudness ? layout.loudness->axis : no_axis)});
  }
  return made;
}

}  // namespace lmdm::plugin
