#include "live/output_feed.h"

#include <algorithm>
#include <vector>

#include "live/samples.h"

namespace lmdm::live {

OutputFeed::OutputFeed(Link& link)
    : link_(link),
      resampler_(link.timeline.to_host(), link.timeline.format().channels),
      first_(link.timeline.start() + link.timeline.latency()) {}

void OutputFeed::begin(std::int64_t position) {
  if (begun_) write(resampler_.flush());
  resampler_.restart(position);
  begun_ = seam_ = true;
}

void OutputFeed::push(std::span<const float> audio) {
  const auto channels = static_cast<std::size_t>(link_.timeline.format().channels);
  const std::size_t frames = audio.size() / channels;
  Planes clean(static_cast<int>(channels), frames);
  for (std::size_t channel = 0; channel < channels; ++channel) {
    copy_sane(audio.data() + channel * frames, clean[static_cast<int>(channel)], frames);
  }
  write(resampler_.push(clean.data(), frames));
}

void OutputFeed::write(std::size_t frames) {
  const std::int64_t position = resampler_.output_position() + link_.timeline.latency();
  const auto early = static_cast<std::size_t>(std::clamp<std::int64_t>(first_ - position, 0, static_cast<std::int64_t>(frames)));
  std::vector<const float*> from(resampler_.output(), resampler_.output() + link_.timeline.format().channels);
  for (const float*& plane : from) plane += early;
  const std::int64_t begin = position + static_cast<std::int64_t>(early);
  // The ring is larger than all that can be under way; were it not, the music would have a hole, and no shift.
  if (frames > early && link_.output.write(begin, from.data(), frames - early, seam_)) seam_ = false;
  const std::int64_t end = position + static_cast<std::int64_t>(frames);
  if (end > link_.decided.load(std::memory_order_relaxed)) link_.decided.store(end, std::memory_order_release);
}

}  // namespace lmdm::live
