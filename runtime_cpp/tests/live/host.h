#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numbers>
#include <random>
#include <thread>
#include <vector>

#include "live/processor.h"

namespace lmdm::live::test {

using Audio = std::vector<std::vector<float>>;  ///< by channel

/// Frames of the next call.
using Sizes = std::function<int()>;

inline Sizes fixed(int frames) {
  return [frames] { return frames; };
}
inline Sizes random_sizes(unsigned seed, int most = 8192) {
  return [engine = std::mt19937(seed), most]() mutable {
    // As often small as large.
    const int limit = std::uniform_int_distribution<int>(0, 13)(engine);
    return std::uniform_int_distribution<int>(1, std::min(most, 1 << limit))(engine);
  };
}

/// Calls `process` with all of the input and returns as much output; `after` follows every call with the frames so far.
inline Audio play(Processor& processor, const Audio& input, const Sizes& sizes, const std::function<void(std::int64_t)>& after = {}) {
  const std::size_t length = input.front().size(), channels = input.size();
  Audio output = input;
  for (auto& channel : output) std::ranges::fill(channel, -7.0F);
  for (std::size_t done = 0; done < length;) {
    const auto frames = std::min(static_cast<std::size_t>(sizes()), length - done);
    std::vector<const float*> from;
    std::vector<float*> to;
    for (std::size_t channel = 0; channel < channels; ++channel) {
      from.push_back(input[channel].data() + done);
      to.push_back(output[channel].data() + done);
    }
    processor.process(from.data(), to.data(), static_cast<int>(channels), static_cast<int>(frames));
    done += frames;
    if (after) after(static_cast<std::int64_t>(done));
  }
  return output;
}

/// Waits for the inference thread to have made or dropped all blocks that it can by now. Not a deadline: it only ends a test that hangs.
inline void await_blocks(const Processor& processor, std::uint64_t blocks) {
  const auto start = std::chrono::steady_clock::now();
  for (;;) {
    const LiveMetrics metrics = processor.metrics();
    if (metrics.blocks + metrics.dropped_blocks >= blocks || metrics.failed) return;
    if (std::chrono::steady_clock::now() - start > std::chrono::minutes(2)) throw std::runtime_error("the inference thread hangs");
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
}

/// Three partials between 1/50 and 1/4 of `lowest_rate`, of one phase at position 0, which swell from nothing before it.
inline float tone(double position, double rate, double lowest_rate, int channel) {
  const double seconds = position / rate, swell = std::clamp(seconds * 50, 0.0, 1.0);
  double sum = 0;
  for (const double part : {0.021, 0.117, 0.243}) sum += std::sin(2 * std::numbers::pi * part * lowest_rate * seconds + channel);
  return static_cast<float>(0.25 * sum * std::pow(std::sin(swell * std::numbers::pi / 2), 2));
}

inline Audio tones(std::size_t length, double rate, double lowest_rate, int channels, std::int64_t start = 0) {
  Audio audio(static_cast<std::size_t>(channels), std::vector<float>(length));
  for (int channel = 0; channel < channels; ++channel) {
    for (std::size_t i = 0; i < length; ++i) {
      audio[static_cast<std::size_t>(channel)][i] = tone(static_cast<double>(start) + static_cast<double>(i), rate, lowest_rate, channel);
    }
  }
  return audio;
}

inline std::vector<float> noise(std::size_t length, unsigned seed) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<float> spread(-1, 1);
  std::vector<float> samples(length);
  std::ranges::generate(samples, [&] { return spread(engine); });
  return samples;
}

/// Signal to error in dB, of `found[i]` against `expected(i)` from `begin` on.
inline double snr(const std::vector<float>& found, std::size_t begin, const std::function<double(std::size_t)>& expected) {
  double signal = 0, error = 1e-30;
  for (std::size_t i = begin; i < found.size(); ++i) {
    const double wanted = expected(i);
    signal += wanted * wanted;
    error += (wanted - found[i]) * (wanted - found[i]);
  }
  return 10 * std::log10(signal / error);
}

inline float largest_jump(const std::vector<float>& samples) {
  float largest = 0;
  for (std::size_t i = 1; i < samples.size(); ++i) largest = std::max(largest, std::abs(samples[i] - samples[i - 1]));
  return largest;
}

inline bool finite(const Audio& audio) {
  return std::ranges::all_of(audio,
                             [](const auto& channel) { return std::ranges::all_of(channel, [](float x) { return std::isfinite(x); }); });
}

}  // namespace lmdm::live::test
