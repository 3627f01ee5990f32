#include "engine/audio_queue.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "engine/planar.h"
#include "lmdm/array.h"
#include "lmdm/error.h"

namespace lmdm {
namespace {

constexpr std::size_t part_samples = 4096;

}  // namespace

void require_audio(std::span<const float> audio, int channels, std::string_view what) {
  const auto rows = static_cast<std::size_t>(channels);
  if (audio.size() % rows != 0) {
    throw Error(ErrorKind::session, std::string(what) + " has shape " + to_string({static_cast<std::int64_t>(audio.size())}) +
                                        ", expected [" + std::to_string(channels) + ", samples]");
  }
  if (!std::ranges::all_of(audio, [](float sample) { return std::isfinite(sample); })) {
    throw Error(ErrorKind::session, std::string(what) + " holds samples that are not finite; check the file it came from");
  }
}

std::vector<float> whole_frames(std::span<const float> audio, const CodecEntry& codec) {
  require_audio(audio, codec.audio_channels, "priming audio");
  const auto channels = static_cast<std::size_t>(codec.audio_channels), size = static_cast<std::size_t>(codec.frame_size);
  const std::size_t samples = audio.size() / channels, whole = samples / size * size;
  if (whole == 0) {
    throw Error(ErrorKind::session, "priming audio has " + std::to_string(samples) + " samples, less than one frame of " +
                                        std::to_string(size) + "; give more audio");
  }
  std::vector<float> newest(channels * whole);
  copy_columns(audio, channels, samples - whole, newest);
  return newest;
}

void AudioQueue::put(std::span<const float> audio) {
  const std::size_t length = audio.size() / channels_;
  for (std::size_t done = 0; done < length;) {
    if (parts_.empty() || parts_.back().end == part_samples) parts_.push_back({std::vector<float>(channels_ * part_samples)});
    Part& part = parts_.back();
    const std::size_t count = std::min(length - done, part_samples - part.end);
    for (std::size_t channel = 0; channel < channels_; ++channel) {
      std::ranges::copy(audio.subspan(channel * length + done, count),
                        part.values.begin() + static_cast<std::ptrdiff_t>(channel * part_samples + part.end));
    }
    part.end += count;
    samples_ += count;
    done += count;
  }
}

void AudioQueue::peek(std::span<float> audio) const noexcept {
  const std::size_t length = audio.size() / channels_;
  std::size_t done = 0;
  std::ranges::fill(audio, 0.0F);
  for (const Part& part : parts_) {
    const std::size_t count = std::min(length - done, part.end - part.begin);
    const std::span<const float> values = part.values;
    for (std::size_t channel = 0; channel < channels_; ++channel) {
      std::ranges::copy(values.subspan(channel * part_samples + part.begin, count), audio.subspan(channel * length + done).begin());
    }
    done += count;
    if (done == length) return;
  }
}

void AudioQueue::drop(std::size_t samples) noexcept {
  while (samples > 0 && !parts_.empty()) {
    Part& part = parts_.front();
    const std::size_t count = std::min(samples, part.end - part.begin);
    part.begin += count;
    samples -= count;
    samples_ -= count;
    if (part.begin == part.end) parts_.pop_front();
  }
}

void AudioQueue::clear() noexcept {
  parts_.clear();
  samples_ = 0;
}

}  // namespace lmdm
