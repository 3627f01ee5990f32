#include <algorithm>
#include <utility>

#include "engine/planar.h"
#include "validate/player.h"
#include "validate/steps.h"

namespace lmdm::validate {
namespace {

constexpr std::size_t reach = 64;  // samples to both sides of a boundary in which an error counts as one of the seam

/// Samples `first` to `last` of every channel.
std::vector<float> cut(const std::vector<float>& audio, std::size_t channels, std::size_t first, std::size_t last) {
  std::vector<float> part(channels * (last - first));
  copy_columns(audio, channels, first, part);
  return part;
}

}  // namespace

void check_audio(Validation& validation) {
  const CodecEntry& codec = validation.bundle.manifest().codec;
  if (codec.decoder.fade != 0) {
    validation.report.not_run.push_back(
        {4, "streamed decode", "this codec crossfades and its exact stream is not in the fixtures; run lmdm validate --checkpoint"});
    return;
  }
  validation.on_stage("streamed decode");
  const AudioTruth truth = validation.fixtures.audio();
  const auto decoded = decode_stream(validation.bundle, validation.backend, truth.frames);
  const auto channels = static_cast<std::size_t>(codec.audio_channels), frame_size = static_cast<std::size_t>(codec.frame_size);
  const auto block = static_cast<std::size_t>(validation.bundle.manifest().model.block),
             delay = static_cast<std::size_t>(codec.decoder.delay);
  const std::size_t start = static_cast<std::size_t>(truth.warm_up) * frame_size;
  const std::size_t samples = std::min(decoded.size(), truth.audio.size()) / channels;
  std::vector<std::size_t> boundaries;
  // A delayed stream begins a run `delay` frames before the end of each block.
  for (std::size_t end = (block - delay % block) * frame_size; end < samples; end += block * frame_size)
    if (end > start) boundaries.push_back(end - start);
  if (boundaries.empty()) {
    validation.report.not_run.push_back({4, "streamed decode", "the fixture's audio is shorter than two blocks behind its warm-up"});
    return;
  }
  const auto streamed = cut(decoded, channels, start, samples), expected = cut(truth.audio, channels, start, samples);
  const Errors errors = compare(expected, streamed);
  const Seams seams = measure_seams(expected, streamed, channels, boundaries, reach);
  const Bound bound = rounding_bound(truth.rounding, errors.peak);
  const double step = rms_step(expected, channels), slack = step > 0 ? 2 * bound.value / step : 0;
  const Bound jump{seams.reference_jump + slack, "the same figure of the expected audio, and what its error bound could add",
                   seams.reference_jump};
  Report& report = validation.report;
  report.checks.push_back({4, "stream against one decode of all frames", "max abs", errors.max_abs, bound, errors});
  report.checks.push_back({4, "within 64 samples of a block boundary", "max abs", seams.boundary_error, bound, std::nullopt});
  report.checks.push_back({4, "jump at block boundaries over the rms step", "ratio", seams.jump, jump, std::nullopt});
  const Fault fault = decoder_fault(validation.bundle.manifest(), first_states(validation.bundle, codec.decoder));
  const auto broken = cut(decode_stream(validation.bundle, validation.backend, truth.frames, fault), channels, start, samples);
  report.controls.push_back({4, fault.name, "max abs", compare(expected, broken).max_abs, bound.value});
}

}  // namespace lmdm::validate
