#include "live/margin.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <vector>

#include "backends/denormals.h"

namespace lmdm::live {
namespace {

constexpr int measured_blocks = 3;
// On a machine that grants no realtime priority, single blocks of half an hour took up to 4 times as long as the slowest of three.
constexpr double times_the_slowest = 4;
constexpr double waking_seconds = 0.005;
constexpr double grid_seconds = 0.02;

double seconds_of_block(Source& source, std::vector<float>& input, std::vector<float>& audio) {
  const auto start = std::chrono::steady_clock::now();
  source.next(input, audio);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

double measured_margin(Source& source) {
  const DenormalsAreZero denormals;
  const SourceFormat format = source.format();
  std::vector<float> input(format.input_values()), audio(static_cast<std::size_t>(format.channels) * format.block);
  source.reset();
  // The first block is slow once in a lifetime, but for its prompt, which may change at any time.
  seconds_of_block(source, input, audio);
  const double prompt = source.timings().prompt / 1000;
  double worst = 0;
  for (int i = 0; i < measured_blocks; ++i) worst = std::max(worst, seconds_of_block(source, input, audio));
  return allowed_margin(times_the_slowest * worst + prompt + waking_seconds, static_cast<double>(format.block) / format.sample_rate);
}

double allowed_margin(double wanted, double block) {
  return std::min(grid_seconds * std::ceil(wanted / grid_seconds), block);
}

}  // namespace lmdm::live
