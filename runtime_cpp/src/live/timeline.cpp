#include "live/timeline.h"

#include <algorithm>
#include <cmath>

#include "live/resampler.h"

namespace lmdm::live {
namespace {

constexpr double fade_seconds = 0.005;

}  // namespace

Timeline::Timeline(const SourceFormat& format, const TimelineOptions& options)
    : format_(format),
      host_rate_(options.host_rate),
      to_host_(Ratio::of(format.sample_rate, options.host_rate)),
      start_(options.start),
      fade_(std::clamp<std::int64_t>(std::llround(fade_seconds * options.host_rate), 1, std::max<std::int64_t>(block() / 4, 1))),
      input_lag_(format.inputs > 0 ? Resampler::lag(to_model()) : 0),
      output_lag_(to_host_.ceil(Resampler::lag(to_host_))) {
  const auto behind = static_cast<std::int64_t>(format.block + format.delay + format.lookahead);
  const auto margin = static_cast<std::int64_t>(std::ceil(options.margin_seconds * options.host_rate));
  const std::int64_t rounding = to_host_.same() ? 0 : 3;
  latency_ = to_host_.ceil(behind) + input_lag_ + output_lag_ + margin + options.largest_call + fade_ + rounding;
}

std::int64_t Timeline::block_from(std::int64_t position) const noexcept {
  const auto block = static_cast<std::int64_t>(format_.block);
  const std::int64_t sample = to_model().ceil(position);
  return sample / block + (sample % block > 0 ? 1 : 0);
}

std::int64_t Timeline::input_end(std::int64_t block) const noexcept {
  return to_host_.ceil(samples(block + 1) + static_cast<std::int64_t>(format_.lookahead)) + input_lag_;
}

}  // namespace lmdm::live
