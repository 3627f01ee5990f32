#include "live/player.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "backends/denormals.h"
#include "live/blocking_allowed.h"
#include "live/channels.h"
#include "live/samples.h"

namespace lmdm::live {

Player::Player(Link& link, const std::atomic<bool>& playing, Worker* waits, bool dry, int host_channels)
    : link_(link),
      playing_(playing),
      waits_(waits),
      dry_(dry),
      position_(link.timeline.start()),
      music_from_(INT64_MAX),
      heard_(host_channels, chunk),
      to_model_(link.timeline.format().input_channels(), chunk),
      music_(link.timeline.format().channels, chunk),
      late_(host_channels, chunk),
      delay_(host_channels, dry ? static_cast<std::size_t>(link.timeline.latency()) : 0, chunk),
      up_(chunk),
      down_(chunk) {
  const std::int64_t fade = link.timeline.fade();
  for (std::int64_t step = 0; step <= fade; ++step) {
    const double share = static_cast<double>(step) / static_cast<double>(fade);
    // Of equal power: music and dry are strangers to each other. Exact at both ends.
    rising_.push_back(step == fade ? 1.0F : static_cast<float>(std::sin(share * std::numbers::pi / 2)));
  }
}

void Player::process(const float* const* input, const float* const* side, float* const* output, int channels, int frames) noexcept {
  const DenormalsAreZero denormals;
  for (std::size_t done = 0, all = static_cast<std::size_t>(std::max(frames, 0)); done < all;) {
    const std::size_t count = std::min(chunk, all - done);
    process_chunk({input, side, channels}, output, done, count);
    done += count;
  }
}

void Player::process_chunk(const Inputs& inputs, float* const* output, std::size_t offset, std::size_t frames) noexcept {
  const std::int64_t end = position_ + static_cast<std::int64_t>(frames);
  start_or_stop();
  hear(inputs, offset, frames);
  link_.playhead.store(position_, std::memory_order_release);
  link_.heard.store(end, std::memory_order_release);
  if (waits_ != nullptr && link_.running.load(std::memory_order_relaxed)) wait_for_music(end + link_.timeline.fade());
  for (std::size_t done = 0; done < frames;) done += play(output, inputs.channels, offset, done, frames - done);
  position_ = end;
}

void Player::wait_for_music(std::int64_t until) noexcept {
  const BlockingAllowed offline;
  waits_->wait_for(until);
}

void Player::start_or_stop() noexcept {
  const bool wanted = playing_.load(std::memory_order_relaxed);
  if (wanted == link_.running.load(std::memory_order_relaxed)) return;
  if (wanted) {
    link_.played_from.store(position_, std::memory_order_release);
    music_from_ = link_.timeline.music_from(position_);
    missing_ = false;
  }
  link_.running.store(wanted, std::memory_order_release);
}

/// Input to the inference thread, and to where it is taken from while there is no music.
void Player::hear(const Inputs& inputs, std::size_t offset, std::size_t frames) noexcept {
  const SourceFormat& format = link_.timeline.format();
  const bool to_model = format.inputs > 0 && link_.running.load(std::memory_order_relaxed);
  if (!to_model && !dry_) return;
  clean(inputs.main, inputs.channels, offset, frames);
  if (dry_) delay_.push(heard_.data(), late_.data(), frames);
  if (!to_model) return;
  for (int channel = 0; channel < to_model_.channels(); ++channel) {
    const int own = channel % format.channels;
    if (channel == format.channels) clean(inputs.side, inputs.channels, offset, frames);
    map_channel(heard_.data(), heard_.channels(), to_model_[channel], own, format.channels, frames);
  }
  // Where the inference thread is so late that the ring is full, this input is lost to it, and the ring keeps the later input's place.
  link_.input.write(position_, to_model_.data(), frames);
}

void Player::clean(const float* const* from, int channels, std::size_t offset, std::size_t frames) noexcept {
  for (int channel = 0; channel < heard_.channels(); ++channel) {
    if (from == nullptr || channels < 1) {
      std::fill_n(heard_[channel], frames, 0.0F);
    } else {
      copy_sane(from[channel % channels] + offset, heard_[channel], frames);
    }
  }
}

std::size_t Player::play(float* const* output, int channels, std::size_t offset, std::size_t done, std::size_t most) noexcept {
  const std::int64_t position = position_ + static_cast<std::int64_t>(done);
  TimedRing::Run run = link_.output.seek(position);
  const bool hole = run.frames == 0 || run.position > position;
  std::size_t frames = most;
  if (hole) {
    if (run.frames > 0) frames = std::min(most, static_cast<std::size_t>(run.position - position));
    run.frames = 0;
  } else {
    frames = std::min(most, run.frames);
    link_.output.read(music_.data(), frames);
  }
  const bool fading = fade(position, run, frames);
  for (int channel = 0; channel < channels; ++channel) mix(output[channel] + offset + done, channel, channels, done, frames, fading);
  return frames;
}

bool Player::fade(std::int64_t position, const TimedRing::Run& run, std::size_t frames) noexcept {
  const bool wanted = link_.running.load(std::memory_order_relaxed);
  const std::int64_t top = link_.timeline.fade();
  auto left = static_cast<std::int64_t>(run.frames);
  // Nothing has sounded yet that the first block's beginning would have to be blended with.
  if (!begun_ && left > 0) {
    begun_ = true;
    if (position == music_from_) step_ = std::min(top, left);
  }
  if (wanted && step_ == top && left - static_cast<std::int64_t>(frames) >= top) return false;
  for (std::size_t i = 0; i < frames; ++i, left = std::max<std::int64_t>(left - 1, 0)) {
    // Invariant: there is as much music as it takes to fade out.
    if (left <= step_) {
      if (wanted && !run.seam) count_underrun(position + static_cast<std::int64_t>(i));
      if (wanted && left == 0 && position + static_cast<std::int64_t>(i) >= music_from_)
        add(link_.counters.underrun_samples, std::uint64_t{1});
      step_ = std::max<std::int64_t>(step_ - 1, 0);
    } else if (!wanted) {
      step_ = std::max<std::int64_t>(step_ - 1, 0);
    } else if (step_ < top && left > step_ + 1) {
      ++step_;
    }
    if (step_ == top) missing_ = false;
    up_[i] = rising_[static_cast<std::size_t>(step_)];
    down_[i] = rising_[static_cast<std::size_t>(top - step_)];
  }
  return true;
}

void Player::mix(float* to, int channel, int channels, std::size_t done, std::size_t frames, bool fading) noexcept {
  map_channel(music_.data(), music_.channels(), to, channel, channels, frames);
  if (!fading) return;
  const float* late = dry_ ? late_[channel % late_.channels()] + done : nullptr;
  for (std::size_t i = 0; i < frames; ++i) to[i] = up_[i] * to[i] + (dry_ ? down_[i] * late[i] : 0.0F);
}

void Player::count_underrun(std::int64_t position) noexcept {
  if (missing_ || position < music_from_) return;
  missing_ = true;
  add(link_.counters.underruns, std::uint64_t{1});
}

}  // namespace lmdm::live
