#include "engine/sketch_stream.h"

#include <algorithm>
#include <utility>

#include "engine/codec_ports.h"
#include "engine/float_io.h"
#include "engine/planar.h"
#include "engine/spelling.h"
#include "lmdm/error.h"

namespace lmdm {
namespace {

std::vector<ControlEntry> sketched(const Manifest& manifest) {
  std::vector<ControlEntry> controls;
  std::ranges::copy_if(manifest.controls, std::back_inserter(controls),
                       [](const ControlEntry& control) { return control.source == ControlSource::sketch; });
  return controls;
}

/// Buffers of everything but the carried state.
Buffers ports(const GraphEntry& graph, const std::vector<ControlEntry>& controls, Backend& backend) {
  Buffers buffers;
  for (const char* name : {"audio", "smoothing"}) buffers.emplace(name, backend.buffer(input_of(graph, name)));
  for (const ControlEntry& control : controls) {
    for (const Group& group : control.groups) buffers.emplace(group.name, backend.buffer(output_of(graph, group.name)));
  }
  return buffers;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

void scale(std::vector<float>& values, float factor) noexcept {
  for (float& value : values) value = factor == 0 ? 0 : value * factor;
}

}  // namespace

SketchStream::SketchStream(const Manifest& manifest, Backend& backend, States first)
    : controls_(sketched(manifest)),
      medians_(manifest.sketch.value().medians),
      median_(manifest.sketch.value().median),
      channels_(static_cast<std::size_t>(manifest.codec.audio_channels)),
      block_(static_cast<std::size_t>(manifest.model.block)),
      samples_(block_ * static_cast<std::size_t>(manifest.codec.frame_size)),
      queue_(channels_),
      buffers_(ports(graph_of(manifest, "sketch"), controls_, backend)),
      graph_(backend, graph_of(manifest, "sketch"), buffers_),
      first_(std::move(first)),
      audio_(channels_ * samples_) {
  reset();
}

bool SketchStream::feeds(const std::string& group) const noexcept {
  return std::ranges::any_of(controls_, [&](const ControlEntry& control) {
    return std::ranges::any_of(control.groups, [&](const Group& own) { return own.name == group; });
  });
}

void SketchStream::reset() {
  queue_.clear();
  graph_.restart(first_);
  current_.reset();
}

void SketchStream::choose(std::span<const std::string> kinds, std::optional<int> smoothing) {
  std::vector<std::string> lengths;
  for (const int length : medians_) lengths.push_back(std::to_string(length));
  for (const std::string& kind : kinds) require_known(kind);
  if (smoothing && std::ranges::find(medians_, *smoothing) == medians_.end()) {
    throw Error(ErrorKind::session, "smoothing is a median over " + joined(lengths) + " frames, found " + std::to_string(*smoothing));
  }
  chosen_.assign(kinds.begin(), kinds.end());
  if (smoothing) median_ = *smoothing;
}

void SketchStream::set_strength(const std::string& kind, double strength) {
  require_known(kind);
  if (!(strength >= 0 && strength <= 1)) {
    throw Error(ErrorKind::session, "the strength of a sketch control lies from 0 to 1, found " + spelled(strength));
  }
  strengths_[kind] = static_cast<float>(strength);
}

void SketchStream::feed(std::span<const float> audio) {
  require_audio(audio, static_cast<int>(channels_), "sketch audio");
  queue_.put(audio);
}

ControlValues SketchStream::block() {
  if (!current_) {
    // The audio leaves the queue only when the graph has run, so that a run that was cancelled hears it again.
    queue_.peek(audio_);
    current_ = run(audio_);
    queue_.drop(samples_);
  }
  ControlValues values = *current_;
  for (const ControlEntry& control : controls_) {
    for (const Group& group : control.groups) scale(values.at(group.name), strength(control.kind));
  }
  return values;
}

ControlValues SketchStream::analyse(std::span<const float> audio) {
  const std::size_t samples = audio.size() / channels_, count = samples * block_ / samples_;
  ControlValues values;
  for (const ControlEntry& control : controls_) {
    if (!is_chosen(control.kind)) continue;
    for (const Group& group : control.groups) values[group.name].resize(static_cast<std::size_t>(group.channels) * count);
  }
  const States before = graph_.snapshot();
  graph_.restart(first_);
  try {
    std::vector<float> heard(audio_.size()), part;
    for (std::size_t begun = 0; begun < count; begun += block_) {
      const std::size_t start = begun / block_ * samples_;
      part.resize(channels_ * std::min(samples_, samples - start));
      copy_columns(audio, channels_, start, part);
      std::ranges::fill(heard, 0.0F);
      paste_columns(part, channels_, heard, 0);
      const ControlValues made = run(heard);
      for (auto& [name, whole] : values) {
        const std::size_t rows = whole.size() / count;
        part.resize(rows * std::min(block_, count - begun));
        copy_columns(made.at(name), rows, 0, part);
        paste_columns(part, rows, whole, begun);
      }
    }
  } catch (...) {
    graph_.restart(before);
    throw;
  }
  graph_.restart(before);
  for (const ControlEntry& control : controls_) {
    if (!is_chosen(control.kind)) continue;
    for (const Group& group : control.groups) scale(values.at(group.name), strength(control.kind));
  }
  return values;
}

bool SketchStream::is_chosen(const std::string& kind) const noexcept {
  return std::ranges::find(chosen_, kind) != chosen_.end();
}

void SketchStream::require_known(const std::string& kind) const {
  std::vector<std::string> known;
  for (const ControlEntry& control : controls_) known.push_back(control.kind);
  if (std::ranges::find(known, kind) != known.end()) return;
  throw Error(ErrorKind::session, "this bundle has no sketch control " + spelled(kind) + "; its sketch controls are " + joined(known));
}

float SketchStream::strength(const std::string& kind) const noexcept {
  if (!is_chosen(kind)) return 0;
  const auto found = strengths_.find(kind);
  return found == strengths_.end() ? 1 : found->second;
}

ControlValues SketchStream::run(std::span<const float> audio) {
  std::vector<float> smoothing;
  for (const int length : medians_) smoothing.push_back(length == median_ ? 1.0F : 0.0F);
  write_floats(*buffers_.at("audio"), audio);
  write_floats(*buffers_.at("smoothing"), smoothing);
  graph_.run();
  ControlValues values;
  for (const auto& [name, buffer] : buffers_) {
    if (name != "audio" && name != "smoothing") values.emplace(name, read_floats(*buffer));
  }
  return values;
}

std::vector<float> whole_history(std::span<const float> values, std::size_t channels, std::size_t context) {
  std::vector<float> newest(channels * context);
  slide(newest, values, channels);
  return newest;
}

}  // namespace lmdm
