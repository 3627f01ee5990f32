#include "live/input_feed.h"

#include <algorithm>

namespace lmdm::live {
namespace {

/// Where nothing is heard, one that nothing comes through.
int channels_of(const Timeline& timeline) {
  return std::max(timeline.format().input_channels(), 1);
}

}  // namespace

InputFeed::InputFeed(const Timeline& timeline)
    : resampler_(timeline.to_model(), channels_of(timeline)),
      piece_(channels_of(timeline), 1024),
      kept_(static_cast<std::size_t>(channels_of(timeline))),
      begin_(timeline.to_model().ceil(timeline.start())),
      most_(8 * static_cast<std::int64_t>(timeline.format().block + timeline.format().lookahead)) {}

void InputFeed::pull(TimedRing& ring) {
  for (TimedRing::Run run = ring.front(); run.frames > 0; run = ring.front()) {
    if (!begun_ || run.position != resampler_.input_position()) {
      if (begun_) {
        const std::size_t rest = resampler_.flush();
        append(resampler_.output_position(), resampler_.output(), rest);
      }
      resampler_.restart(run.position);
      begun_ = true;
    }
    const std::size_t count = std::min(run.frames, piece_.frames());
    ring.read(piece_.data(), count);
    const std::size_t made = resampler_.push(piece_.data(), count);
    append(resampler_.output_position(), resampler_.output(), made);
  }
}

void InputFeed::copy(std::int64_t begin, std::span<float> to) const {
  const std::size_t count = to.size() / kept_.size();
  std::fill(to.begin(), to.end(), 0.0F);
  const std::int64_t first = std::max(begin, begin_), last = std::min(begin + static_cast<std::int64_t>(count), end());
  if (first >= last) return;
  for (std::size_t channel = 0; channel < kept_.size(); ++channel) {
    const float* from = kept_[channel].data() + gone_ + (first - begin_);
    std::copy_n(from, last - first, to.data() + channel * count + (first - begin));
  }
}

void InputFeed::forget(std::int64_t position) {
  const auto count = static_cast<std::size_t>(std::clamp<std::int64_t>(position - begin_, 0, static_cast<std::int64_t>(length())));
  gone_ += count;
  begin_ += static_cast<std::int64_t>(count);
  if (2 * gone_ < kept_.front().size()) return;
  for (std::vector<float>& channel : kept_) channel.erase(channel.begin(), channel.begin() + static_cast<std::ptrdiff_t>(gone_));
  gone_ = 0;
}

void InputFeed::append(std::int64_t position, const float* const* samples, std::size_t count) {
  if (count == 0) return;
  pad(position);
  for (std::size_t channel = 0; channel < kept_.size(); ++channel) {
    kept_[channel].insert(kept_[channel].end(), samples[channel], samples[channel] + count);
  }
}

/// Silence until `position`.
void InputFeed::pad(std::int64_t position) {
  const std::int64_t missing = position - end();
  if (missing <= 0) return;
  if (missing > most_) {
    for (std::vector<float>& channel : kept_) channel.clear();
    gone_ = 0;
    begin_ = position;
    return;
  }
  for (std::vector<float>& channel : kept_) channel.resize(channel.size() + static_cast<std::size_t>(missing));
}

}  // namespace lmdm::live
