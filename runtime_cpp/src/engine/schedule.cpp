#include "engine/schedule.h"

#include <cmath>

#include "engine/spelling.h"
#include "lmdm/error.h"

namespace lmdm {

std::vector<double> logsnr_schedule(int steps, double start, double end) {
  std::vector<double> levels(static_cast<std::size_t>(steps) + 1);
  const double step = (end - start) / steps;
  for (int i = 0; i <= steps; ++i) {
    const double logsnr = i * step + start;
    levels[static_cast<std::size_t>(i)] = static_cast<double>(static_cast<float>(1 / (1 + std::exp(logsnr))));
  }
  levels.front() = 1;
  levels.back() = 0;
  return levels;
}

void require_schedule(std::span<const double> levels) {
  bool falls = levels.size() >= 2 && levels.back() == 0 && levels.front() <= 1;
  for (std::size_t i = 1; falls && i < levels.size(); ++i) {
    falls = levels[i - 1] > levels[i];
  }
  if (!falls) {
    throw Error(ErrorKind::session, "a schedule falls from at most 1 to exactly 0 in one step or more, found " + spelled_tuple(levels));
  }
}

std::vector<double> chosen_schedule(const SamplingEntry& sampling, std::optional<int> steps) {
  if (!steps) {
    require_schedule(sampling.schedule);
    return sampling.schedule;
  }
  if (*steps < 1 || *steps > most_steps) {
    throw Error(ErrorKind::session, "a block takes 1 to " + std::to_string(most_steps) + " steps, found " + std::to_string(*steps));
  }
  return logsnr_schedule(*steps, sampling.logsnr_start, sampling.logsnr_end);
}

double chosen_scale(const SamplingEntry& sampling, std::optional<double> scale) {
  if (!scale) {
    return sampling.guidance_scale;
  }
  if (!std::isfinite(*scale)) {
    throw Error(ErrorKind::session, "a guidance scale is a finite number, found " + spelled(*scale));
  }
  if (sampling.guidance == Guidance::none && *scale != 1) {
    throw Error(ErrorKind::session, "this bundle was exported without guidance and has no scale to set; export it with guidance cfg");
  }
  return *scale;
}

}  // namespace lmdm
