#include "engine/accompaniment_stream.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "lmdm/error.h"

namespace lmdm {

AccompanimentStream::AccompanimentStream(const Manifest& manifest, Backend& backend, const ControlEntry& control, States encoder_first)
    : manifest_(&manifest),
      backend_(&backend),
      encoder_first_(std::move(encoder_first)),
      mask_name_(control.groups.at(0).name),
      input_name_(control.groups.at(1).name),
      cutoff_(control.cutoff.value()),
      context_(manifest.model.context),
      block_(manifest.model.block),
      rows_(static_cast<std::size_t>(manifest.model.latent_channels)),
      queue_(static_cast<std::size_t>(manifest.codec.audio_channels)) {
  stop();
}

void AccompanimentStream::stop() {
  queue_.clear();
  // There is nothing before the accompaniment begins.
  first_ = played_ - context_;
  frames_.assign(static_cast<std::size_t>(context_), std::vector<float>(rows_));
  on_ = by_frames_ = false;
  if (encoder_) encoder_->restart();
}

void AccompanimentStream::reset() {
  played_ = 0;
  stop();
}

void AccompanimentStream::feed(std::span<const float> audio) {
  require_audio(audio, manifest_->codec.audio_channels, "the accompaniment");
  if (by_frames_) {
    throw Error(ErrorKind::session, "the accompaniment was begun as frames and goes on as audio; reset the session, or go on with frames");
  }
  queue_.put(audio);
  on_ = true;
}

void AccompanimentStream::feed_frames(std::span<const float> frames) {
  const bool whole = frames.size() % rows_ == 0;
  if (!whole || !std::ranges::all_of(frames, [](float value) { return std::isfinite(value); })) {
    const auto rows = static_cast<std::int64_t>(rows_), count = static_cast<std::int64_t>(frames.size());
    throw Error(ErrorKind::session, "accompaniment frames have shape " + to_string(whole ? Shape{1, rows, count / rows} : Shape{count}) +
                                        ", expected finite [" + std::to_string(rows_) + ", frames]");
  }
  if (on_ && !by_frames_) {
    throw Error(ErrorKind::session, "the accompaniment was begun as audio and goes on as frames; reset the session, or go on with audio");
  }
  append(frames);
  on_ = by_frames_ = true;
}

ControlValues AccompanimentStream::window() {
  const auto length = static_cast<std::size_t>(context_ + block_), visible = static_cast<std::size_t>(cutoff_);
  std::vector<float> mask(length), seen(rows_ * length);
  if (on_) {
    const std::int64_t start = played_ - context_;
    require(start + cutoff_);
    std::fill_n(mask.begin(), visible, 1.0F);
    const auto offset = static_cast<std::size_t>(start - first_);
    for (std::size_t frame = 0; frame < visible; ++frame) {
      for (std::size_t row = 0; row < rows_; ++row) seen[row * length + frame] = frames_[offset + frame][row];
    }
  }
  return {{mask_name_, std::move(mask)}, {input_name_, std::move(seen)}};
}

void AccompanimentStream::advance() {
  played_ += block_;
  if (!on_) stop();
  for (; first_ < played_ - context_ && !frames_.empty(); ++first_) frames_.pop_front();
}

void AccompanimentStream::require(std::int64_t needed) {
  if (known() < needed && !by_frames_) encode(needed);
  if (known() >= needed) return;
  const std::int64_t ahead = cutoff_ - context_, look = encoder_ ? static_cast<std::int64_t>(encoder_->delay()) : 0;
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%.2f",
                static_cast<double>(needed * manifest_->codec.frame_size) / static_cast<double>(manifest_->codec.sample_rate));
  std::string why = "it is seen until " + std::to_string(std::abs(ahead)) + " frames " + (ahead > 0 ? "into" : "before") + " the block";
  if (look > 0) why += ", and the codec looks " + std::to_string(look) + " frames ahead";
  throw Error(ErrorKind::session, "block " + std::to_string(played_ / block_) + " needs " + std::to_string(needed) +
                                      " frames of accompaniment (" + seconds + " s), " + std::to_string(known()) + " are known; " + why +
                                      ", so feed more of it before the block, or switch it off");
}

void AccompanimentStream::encode(std::int64_t needed) {
  if (!encoder_) encoder_.emplace(*manifest_, *backend_, encoder_first_);
  const auto channels = static_cast<std::size_t>(manifest_->codec.audio_channels);
  const auto frame_size = static_cast<std::size_t>(manifest_->codec.frame_size);
  while (known() < needed) {
    const std::size_t step = encoder_->fitting(queue_.samples() / frame_size, static_cast<std::size_t>(needed - known()));
    if (step == 0) break;
    // The audio leaves the queue only when the graph has run, so that a run that was cancelled hears it again.
    std::vector<float> audio(channels * step * frame_size);
    queue_.peek(audio);
    append(encoder_->push(audio));
    queue_.drop(step * frame_size);
  }
}

void AccompanimentStream::append(std::span<const float> frames) {
  const std::size_t count = frames.size() / rows_;
  for (std::size_t frame = 0; frame < count; ++frame) {
    std::vector<float>& column = frames_.emplace_back(rows_);
    for (std::size_t row = 0; row < rows_; ++row) column[row] = frames[row * count + frame];
  }
}

}  // namespace lmdm
