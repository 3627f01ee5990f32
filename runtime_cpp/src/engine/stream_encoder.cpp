#include <algorithm>
#include <utility>

#include "engine/codec_ports.h"
#include "engine/codec_stream.h"
#include "engine/float_io.h"
#include "engine/planar.h"

namespace lmdm {

StreamEncoder::StreamEncoder(const Manifest& manifest, Backend& backend, States first)
    : frame_size_(static_cast<std::size_t>(manifest.codec.frame_size)),
      audio_(backend.buffer(input_of(graph_of(manifest, "codec_encoder"), "audio"))),
      frames_(backend.buffer(output_of(graph_of(manifest, "codec_encoder"), "frames"))),
      graph_(backend, graph_of(manifest, "codec_encoder"), {{"audio", audio_}, {"frames", frames_}}),
      first_(std::move(first)) {
  const Streaming& streaming = manifest.codec.encoder;
  channels_ = axis(audio_->port(), 1);
  rows_ = axis(frames_->port(), 1);
  block_ = axis(frames_->port(), 2);
  left_ = streaming.kind == StreamingKind::context ? static_cast<std::size_t>(streaming.left) * frame_size_ : 0;
}

std::vector<float> StreamEncoder::encode(std::span<const float> audio) {
  graph_.restart(first_);
  const std::size_t samples = audio.size() / channels_, count = samples / frame_size_;
  const std::size_t heard = axis(audio_->port(), 2), step = block_ * frame_size_;
  std::vector<float> window(channels_ * heard), made(rows_ * count), run(rows_ * block_), part;
  for (std::size_t begun = 0; begun < count; begun += block_) {
    // The run hears `left_` samples before its first frame; what lies outside of the audio is silence.
    const std::size_t start = begun / block_ * step, before = left_ - std::min(left_, start);
    const std::size_t first = start - std::min(left_, start), within = std::min(samples - first, heard - before);
    std::ranges::fill(window, 0.0F);
    part.resize(channels_ * within);
    copy_columns(audio, channels_, first, part);
    paste_columns(part, channels_, window, before);
    write_floats(*audio_, window);
    graph_.run();
    read_floats(*frames_, run);
    part.resize(rows_ * std::min(block_, count - begun));
    copy_columns(run, rows_, 0, part);
    paste_columns(part, rows_, made, begun);
  }
  return made;
}

}  // namespace lmdm
