#include "run/joining.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "engine/planar.h"

namespace lmdm::run {
namespace {

constexpr std::size_t most_fade_samples = 2048;

}  // namespace

Opening primed_opening(Generator& generator, std::span<const float> audio) {
  const auto channels = static_cast<std::size_t>(generator.channels());
  const std::vector<float> heard = generator.prime(audio);
  const std::size_t length = audio.size() / channels, known = heard.size() / channels, delay = generator.delay_samples();
  if (known == 0) return {{audio.begin(), audio.end()}, delay};
  // The stream begins this far before the end of the audio.
  const std::size_t before = length - std::min(length, delay), fade = std::min({most_fade_samples, before, known});
  Opening opening{std::vector<float>(channels * before), 0};
  copy_columns(audio, channels, 0, opening.audio);
  for (std::size_t channel = 0; channel < channels; ++channel) {
    for (std::size_t i = 0; i < fade; ++i) {
      const double angle = (static_cast<double>(i) + 0.5) / static_cast<double>(fade) * std::numbers::pi / 2;
      float& sample = opening.audio[channel * before + before - fade + i];
      const float decoded = heard[channel * known + i];
      sample = static_cast<float>(std::cos(angle) * sample + std::sin(angle) * decoded);
    }
  }
  return opening;
}

}  // namespace lmdm::run
