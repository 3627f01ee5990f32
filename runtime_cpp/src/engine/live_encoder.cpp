#include <algorithm>
#include <utility>

#include "engine/codec_ports.h"
#include "engine/codec_stream.h"
#include "engine/float_io.h"
#include "engine/planar.h"

namespace lmdm {

LiveEncoder::LiveEncoder(const Manifest& manifest, Backend& backend, States first)
    : frame_size_(static_cast<std::size_t>(manifest.codec.frame_size)),
      looks_around_(manifest.codec.encoder.kind == StreamingKind::context),
      audio_(backend.buffer(input_of(graph_of(manifest, "codec_encoder"), "audio"))),
      frames_(backend.buffer(output_of(graph_of(manifest, "codec_encoder"), "frames"))),
      graph_(backend, graph_of(manifest, "codec_encoder"), {{"audio", audio_}, {"frames", frames_}}),
      first_(std::move(first)) {
  channels_ = axis(audio_->port(), 1);
  rows_ = axis(frames_->port(), 1);
  block_ = axis(frames_->port(), 2);
  delay_ = looks_around_ ? static_cast<std::size_t>(manifest.codec.encoder.right) : 0;
  restart();
}

void LiveEncoder::restart() {
  graph_.restart(first_);
  heard_.assign(audio_->port().count(), 0.0F);
  silent_ = delay_;
}

std::size_t LiveEncoder::fitting(std::size_t available, std::size_t wanted) const noexcept {
  if (!looks_around_) return available >= block_ ? block_ : 0;
  return std::min({available, block_, wanted + silent_});
}

std::vector<float> LiveEncoder::push(std::span<const float> audio) {
  const std::size_t count = audio.size() / channels_ / frame_size_, skipped = std::min(silent_, count);
  std::vector<float> heard = heard_;
  slide(heard, audio, channels_);
  write_floats(*audio_, heard);
  graph_.run();
  heard_ = std::move(heard);
  silent_ -= skipped;
  std::vector<float> frames(rows_ * (count - skipped));
  copy_columns(read_floats(*frames_), rows_, block_ - count + skipped, frames);
  return frames;
}

}  // namespace lmdm
