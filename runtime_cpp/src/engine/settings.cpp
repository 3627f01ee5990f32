#include "engine/settings.h"

#include <optional>
#include <string>
#include <utility>

#include "engine/schedule.h"
#include "engine/spelling.h"
#include "lmdm/error.h"

namespace lmdm {

Settings::Settings(const Manifest& manifest, const GeneratorOptions& options)
    : manifest_(&manifest),
      noise_(options.seed),
      schedule_(chosen_schedule(manifest.sampling, options.steps)),
      guidance_scale_(chosen_scale(manifest.sampling, options.guidance_scale)),
      context_drop_(static_cast<std::size_t>(manifest.sampling.context_drop)) {}

void Settings::tune(const Tuning& tuning) {
  Settings tuned = *this;
  if (tuning.seed) tuned.noise_ = Noise(*tuning.seed);
  if (tuning.steps) tuned.schedule_ = chosen_schedule(manifest_->sampling, *tuning.steps == 0 ? std::nullopt : tuning.steps);
  if (tuning.guidance_scale) tuned.guidance_scale_ = chosen_scale(manifest_->sampling, tuning.guidance_scale);
  if (const auto frames = tuning.context_drop) {
    if (*frames < 0 || *frames > manifest_->model.context) {
      throw Error(ErrorKind::session, "a change of prompt forgets 0 to " + std::to_string(manifest_->model.context) +
                                          " frames of context, found " + std::to_string(*frames));
    }
    tuned.context_drop_ = static_cast<std::size_t>(*frames);
  }
  if (const auto gain = tuning.feedback) {
    if (!(*gain >= 0 && *gain <= 1)) throw Error(ErrorKind::session, "feedback is a gain from 0 to 1, found " + spelled(*gain));
    tuned.feedback_ = static_cast<float>(*gain);
  }
  if (tuning.hold_noise) tuned.hold_noise_ = *tuning.hold_noise;
  *this = std::move(tuned);
}

}  // namespace lmdm
