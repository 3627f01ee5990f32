#include "validate/metrics.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace lmdm::validate {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

template <class T>
std::vector<double> widened(std::span<const T> values) {
  std::vector<double> wide(values.size());
  std::ranges::transform(values, wide.begin(), [](T value) { return static_cast<double>(value); });
  return wide;
}

double dot(std::span<const double> a, std::span<const double> b) noexcept {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

double cosine_of(std::span<const double> a, std::span<const double> b) noexcept {
  const double lengths = std::sqrt(dot(a, a)) * std::sqrt(dot(b, b));
  if (lengths == 0) return std::ranges::equal(a, b) ? 1 : 0;
  return std::clamp(dot(a, b) / lengths, -1.0, 1.0);
}

/// The largest step across a boundary over the rms of the steps elsewhere.
double jump_of(std::span<const float> audio, std::size_t channels, const std::vector<bool>& at) {
  const std::size_t samples = audio.size() / channels;
  double largest = 0, sum = 0;
  std::size_t count = 0;
  for (std::size_t channel = 0; channel < channels; ++channel) {
    for (std::size_t i = 0; i + 1 < samples; ++i) {
      const double step = static_cast<double>(audio[channel * samples + i + 1]) - static_cast<double>(audio[channel * samples + i]);
      if (at[i + 1]) {
        largest = std::max(largest, std::abs(step));
      } else {
        sum += step * step;
        ++count;
      }
    }
  }
  const double elsewhere = count == 0 ? 0 : std::sqrt(sum / static_cast<double>(count));
  if (elsewhere > 0) return largest / elsewhere;
  return largest > 0 ? infinity : 0;
}

}  // namespace

Errors Errors::worst(const Errors& other) const noexcept {
  return {std::max(max_abs, other.max_abs), std::max(max_rel, other.max_rel), std::min(cosine, other.cosine),
          std::min(snr_db, other.snr_db),   std::min(finite, other.finite),   std::max(peak, other.peak)};
}

std::vector<double> doubles(std::span<const float> values) {
  return widened(values);
}

std::vector<double> doubles(const Array& array) {
  switch (array.type) {
    case DType::float32:
      return widened(array.as<float>());
    case DType::int64:
      return widened(array.as<std::int64_t>());
    case DType::int32:
      return widened(array.as<std::int32_t>());
    case DType::boolean:
      return widened(array.as<std::uint8_t>());
    case DType::float16:
      break;
  }
  std::vector<double> wide;
  for (const std::uint16_t half : array.as<std::uint16_t>()) {
    const int exponent = half >> 10 & 0x1F, mantissa = half & 0x3FF;
    double size = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
    if (exponent == 0x1F) size = mantissa == 0 ? infinity : std::numeric_limits<double>::quiet_NaN();
    wide.push_back((half & 0x8000) != 0 ? -size : size);
  }
  return wide;
}

double peak(std::span<const double> values) noexcept {
  double largest = 0;
  for (const double value : values) largest = std::max(largest, std::isnan(value) ? infinity : std::abs(value));
  return largest;
}

Errors compare(std::span<const double> reference, std::span<const double> candidate) {
  Errors errors;
  errors.peak = peak(reference);
  const auto finite = std::ranges::count_if(candidate, [](double value) { return std::isfinite(value); });
  errors.finite = candidate.empty() ? 1 : static_cast<double>(finite) / static_cast<double>(candidate.size());
  if (reference.size() != candidate.size() || errors.finite < 1 || !std::isfinite(errors.peak))
    return {infinity, infinity, 0, -infinity, errors.finite, errors.peak};
  double noise = 0, least = infinity, most = -infinity;
  for (std::size_t i = 0; i < reference.size(); ++i) {
    const double difference = candidate[i] - reference[i];
    errors.max_abs = std::max(errors.max_abs, std::abs(difference));
    noise += difference * difference;
    least = std::min(least, reference[i]);
    most = std::max(most, reference[i]);
  }
  const double scale = most > least ? most - least : errors.peak;
  errors.max_rel = errors.max_abs == 0 ? 0 : scale > 0 ? errors.max_abs / scale : infinity;
  errors.cosine = cosine_of(reference, candidate);
  const double signal = dot(reference, reference);
  errors.snr_db = noise == 0 ? infinity : signal == 0 ? -infinity : 10 * std::log10(signal / noise);
  return errors;
}

Errors compare(std::span<const float> reference, std::span<const float> candidate) {
  return compare(doubles(reference), doubles(candidate));
}

Seams measure_seams(std::span<const float> reference, std::span<const float> streamed, std::size_t channels,
                    std::span<const std::size_t> boundaries, std::size_t reach) {
  const std::size_t samples = streamed.size() / channels;
  std::vector<bool> near(samples), at(samples);
  for (const std::size_t boundary : boundaries) {
    if (boundary == 0 || boundary >= samples) continue;
    at[boundary] = true;
    for (std::size_t i = boundary - std::min(boundary, reach); i < std::min(samples, boundary + reach); ++i) near[i] = true;
  }
  Seams seams{infinity, jump_of(reference, channels, at), infinity, infinity};
  if (!std::ranges::all_of(streamed, [](float sample) { return std::isfinite(sample); })) return seams;
  seams.jump = jump_of(streamed, channels, at);
  seams.boundary_error = seams.interior_error = 0;
  for (std::size_t i = 0; i < streamed.size(); ++i) {
    const double error = std::abs(static_cast<double>(streamed[i]) - static_cast<double>(reference[i]));
    double& worst = near[i % samples] ? seams.boundary_error : seams.interior_error;
    worst = std::max(worst, error);
  }
  return seams;
}

double rms_step(std::span<const float> audio, std::size_t channels) {
  const std::size_t samples = audio.size() / channels;
  if (samples < 2) return 0;
  double sum = 0;
  for (std::size_t channel = 0; channel < channels; ++channel) {
    for (std::size_t i = 0; i + 1 < samples; ++i) {
      const double step = static_cast<double>(audio[channel * samples + i + 1]) - static_cast<double>(audio[channel * samples + i]);
      sum += step * step;
    }
  }
  return std::sqrt(sum / static_cast<double>(channels * (samples - 1)));
}

}  // namespace lmdm::validate
