#include "live/resampler.h"

#include <soxr.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace lmdm::live {
namespace {

constexpr std::size_t piece = 1024;

soxr_t make_stream(Ratio ratio, int channels) {
  const soxr_io_spec_t formats = soxr_io_spec(SOXR_FLOAT32_S, SOXR_FLOAT32_S);
  const soxr_quality_spec_t quality = soxr_quality_spec(SOXR_HQ, SOXR_HI_PREC_CLOCK);
  soxr_error_t error = nullptr;
  soxr_t stream = soxr_create(1.0, ratio.value(), static_cast<unsigned>(channels), &error, &formats, &quality, nullptr);
  if (error != nullptr) throw std::runtime_error(std::string("the resampler does not start: ") + error);
  return stream;
}

}  // namespace

struct Resampler::Stream {
  Stream(Ratio ratio, int channels) : soxr(make_stream(ratio, channels)) {}
  ~Stream() { soxr_delete(soxr); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  soxr_t soxr;
};

Resampler::Resampler(Ratio ratio, int channels)
    : ratio_(ratio),
      channels_(channels),
      silence_(channels, piece),
      from_(static_cast<std::size_t>(channels)),
      to_(static_cast<std::size_t>(channels)) {
  restart(0);
}

Resampler::~Resampler() = default;

std::int64_t Resampler::lag(Ratio ratio) {
  if (ratio.same()) return 0;
  // What a converter holds back depends on how much it was given and on nothing else, and it varies with the lengths of its transforms.
  constexpr std::size_t step = 64, enough = std::size_t{1} << 17U;
  const Stream stream(ratio, 1);
  const std::vector<float> input(step);
  std::vector<float> output(static_cast<std::size_t>(ratio.value() * 65536) + 65536);
  std::int64_t fed = 0, made = 0, most = 0;
  while (fed < static_cast<std::int64_t>(enough)) {
    const float* in = input.data();
    float* out = output.data();
    std::size_t taken = 0, given = 0;
    soxr_process(stream.soxr, &in, step, &taken, &out, output.size(), &given);
    fed += static_cast<std::int64_t>(step), made += static_cast<std::int64_t>(given);
    most = std::max(most, fed - ratio.inverse().floor(made));
  }
  return most + static_cast<std::int64_t>(step);
}

void Resampler::restart(std::int64_t position) {
  made_ = 0;
  first_position_ = ratio_.ceil(position);
  input_position_ = ratio_.same() ? position : ratio_.meeting(position);
  output_position_ = made_position_ = ratio_.floor(input_position_);
  if (ratio_.same()) return;
  stream_ = std::make_unique<Stream>(ratio_, channels_);
  while (input_position_ < position) {
    const auto frames = std::min(piece, static_cast<std::size_t>(position - input_position_));
    convert(silence_.data(), frames);
    input_position_ += static_cast<std::int64_t>(frames);
  }
}

std::size_t Resampler::push(const float* const* input, std::size_t frames) {
  convert(input, frames);
  input_position_ += static_cast<std::int64_t>(frames);
  return give();
}

std::size_t Resampler::flush() {
  const std::int64_t end = ratio_.ceil(input_position_);
  while (made_position_ < end) convert(silence_.data(), piece);
  const std::int64_t surplus = made_position_ - end;
  const std::size_t count = give();
  return count - std::min(count, static_cast<std::size_t>(surplus));
}

std::size_t Resampler::give() noexcept {
  output_position_ = made_position_ - static_cast<std::int64_t>(made_);
  return std::exchange(made_, 0);
}

/// Appends to what was made and not yet given.
void Resampler::convert(const float* const* input, std::size_t frames) {
  for (std::size_t done = 0; done < frames;) {
    const std::size_t count = std::min(piece, frames - done);
    // What the converter held back may come out at once.
    reserve(made_ + static_cast<std::size_t>(ratio_.value() * static_cast<double>(16 * piece)) + piece);
    std::size_t taken = count, given = count;
    for (int channel = 0; channel < channels_; ++channel) {
      from_[static_cast<std::size_t>(channel)] = input[channel] + done;
      to_[static_cast<std::size_t>(channel)] = output_[channel] + made_;
      if (ratio_.same()) std::copy_n(input[channel] + done, count, output_[channel] + made_);
    }
    if (!ratio_.same()) {
      const soxr_error_t error = soxr_process(stream_->soxr, from_.data(), count, &taken, to_.data(), output_.frames() - made_, &given);
      if (error != nullptr) throw std::runtime_error(std::string("the resampler failed: ") + error);
    }
    done += taken;
    made_ += given;
    made_position_ += static_cast<std::int64_t>(given);
    drop_early();
  }
}

void Resampler::reserve(std::size_t frames) {
  if (output_.frames() >= frames) return;
  Planes larger(channels_, 2 * frames);
  for (int channel = 0; channel < output_.channels(); ++channel) std::copy_n(output_[channel], made_, larger[channel]);
  output_ = std::move(larger);
}

void Resampler::drop_early() noexcept {
  const auto count = static_cast<std::int64_t>(made_);
  const std::int64_t early = std::min(first_position_ - (made_position_ - count), count);
  if (early <= 0) return;
  made_ -= static_cast<std::size_t>(early);
  for (int channel = 0; channel < channels_; ++channel) std::copy_n(output_[channel] + early, made_, output_[channel]);
}

}  // namespace lmdm::live
