#include <algorithm>
#include <utility>

#include "engine/codec_ports.h"
#include "engine/codec_stream.h"
#include "engine/float_io.h"
#include "engine/planar.h"

namespace lmdm {

StreamDecoder::StreamDecoder(const Manifest& manifest, Backend& backend, States first)
    : frames_(backend.buffer(input_of(graph_of(manifest, "codec_decoder"), "frames"))),
      audio_(backend.buffer(output_of(graph_of(manifest, "codec_decoder"), "audio"))),
      graph_(backend, graph_of(manifest, "codec_decoder"), {{"frames", frames_}, {"audio", audio_}}),
      first_(std::move(first)) {
  const auto frame_size = static_cast<std::size_t>(manifest.codec.frame_size);
  channels_ = axis(audio_->port(), 1);
  rows_ = axis(frames_->port(), 1);
  delay_ = static_cast<std::size_t>(manifest.codec.decoder.delay) * frame_size;
  rise_.resize(static_cast<std::size_t>(manifest.codec.decoder.fade) * frame_size);
  for (std::size_t i = 0; i < rise_.size(); ++i) {
    rise_[i] = static_cast<float>((static_cast<double>(i) + 0.5) / static_cast<double>(rise_.size()));
  }
  reset();
}

void StreamDecoder::reset() {
  graph_.restart(first_);
  window_.assign(frames_->port().count(), 0.0F);
  held_.clear();
  silent_ = delay_;
}

void StreamDecoder::decode(std::span<const float> frames, std::span<float> audio) {
  next_ = window_;
  slide(next_, frames, rows_);
  write_floats(*frames_, next_);
  graph_.run();
  window_.swap(next_);
  made_.resize(audio_->port().count());
  read_floats(*audio_, made_);
  if (!rise_.empty()) fade(made_);
  copy_columns(made_, channels_, 0, audio);
  const std::size_t samples = audio.size() / channels_, silent = std::min(silent_, samples);
  for (std::size_t channel = 0; channel < channels_; ++channel) std::ranges::fill(audio.subspan(channel * samples, silent), 0.0F);
  silent_ -= silent;
}

void StreamDecoder::fade(std::span<float> made) {
  const std::size_t length = made.size() / channels_, late = rise_.size();
  for (std::size_t channel = 0; channel < channels_ && !held_.empty(); ++channel) {
    for (std::size_t i = 0; i < late; ++i) {
      const float held = held_[channel * late + i];
      float& sample = made[channel * length + i];
      sample = held + rise_[i] * (sample - held);
    }
  }
  held_.resize(channels_ * late);
  copy_columns(made, channels_, length - late, held_);
}

}  // namespace lmdm
