#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "lmdm/error.h"
#include "run/audio_file.h"
#include "run/performance.h"
#include "run/progress.h"

namespace lmdm::run {
namespace {

using Clock = std::chrono::steady_clock;

/// The sound device that is played by: its rate, its calls, and the file that comes in.
struct Host {
  double rate = 0;
  std::size_t channels = 0, call = 0;
  std::vector<float> input;  ///< planar, at `rate`; empty without one

  [[nodiscard]] std::size_t input_samples() const noexcept { return input.size() / channels; }
};

void require_servable(const Request& request) {
  if (request.prime) throw Error(ErrorKind::session, "a live stream continues no audio; leave out --prime or --live");
  if (request.sketch && request.accompaniment)
    throw Error(ErrorKind::session, "a live stream has one input; give --sketch or --accompaniment, not both");
}

/// The samples of one call of the host, planar, with the file's silence behind its end.
class Call {
 public:
  explicit Call(const Host& host) : host_(host), input_(host.channels * host.call), output_(host.channels * host.call) {
    for (std::size_t channel = 0; channel < host.channels; ++channel) {
      inputs_.push_back(&input_[channel * host.call]);
      outputs_.push_back(&output_[channel * host.call]);
    }
  }

  std::span<const float> make(LiveProcessor& processor, std::size_t first) {
    const std::size_t length = host_.input_samples();
    for (std::size_t channel = 0; channel < host_.channels; ++channel)
      for (std::size_t i = 0; i < host_.call; ++i)
        input_[channel * host_.call + i] = first + i < length ? host_.input[channel * length + first + i] : 0.0F;
    processor.process(inputs_.data(), outputs_.data(), static_cast<int>(host_.channels), static_cast<int>(host_.call));
    return output_;
  }

 private:
  const Host& host_;
  std::vector<float> input_, output_;
  std::vector<const float*> inputs_;
  std::vector<float*> outputs_;
};

}  // namespace

Outcome perform_live(const Request& request, Interrupt& interrupt) {
  require_servable(request);
  const Bundle bundle = Bundle::load(request.bundle);
  const Manifest& manifest = bundle.manifest();
  Generator generator(bundle, make_onnxruntime_backend(bundle, request.backend), request.generator);
  const double block_seconds = static_cast<double>(generator.block_samples()) / generator.sample_rate();
  const auto cues = cues_of(request, block_seconds);
  generator.set_prompts(cues.at(0));

  LiveOptions options;
  nlohmann::json controls = nlohmann::json::object();
  Host host{request.rate > 0 ? request.rate : generator.sample_rate(), static_cast<std::size_t>(generator.channels()),
            static_cast<std::size_t>(request.host_block), {}};
  const auto& input = request.sketch ? request.sketch : request.accompaniment;
  if (input) {
    options.input = request.sketch ? InputRole::sketch : InputRole::accompaniment;
    host.input = read_audio(*input, static_cast<int>(std::lround(host.rate)), generator.channels());
  }
  if (request.sketch) {
    const auto kinds = sketch_kinds(request, manifest);
    generator.choose_sketch(kinds, request.smoothing);
    controls["sketch"] = {{"controls", kinds}};
  }
  LiveProcessor processor(std::move(generator), options);
  processor.prepare(host.rate, static_cast<int>(host.channels), request.host_block);
  const auto latency = static_cast<std::size_t>(processor.latency_samples());

  const double given = static_cast<double>(host.input_samples()) / host.rate;
  const double seconds = request.seconds.value_or(given > 0 ? given : default_seconds);
  const std::size_t end = latency + static_cast<std::size_t>(std::llround(seconds * host.rate));
  AudioWriter writer(request.output, static_cast<int>(std::lround(host.rate)), static_cast<int>(host.channels));
  Progress progress(end, !request.json);
  Call call(host);
  auto next = cues.upper_bound(0);
  double all_ms = 0;
  std::uint64_t counted = 0, blocks = 0;
  const auto start = Clock::now();
  for (std::size_t done = 0; done < end; done += host.call) {
    if (interrupt.interrupted()) throw Error(ErrorKind::cancelled, "interrupted");
    if (const std::string failure = processor.failure(); !failure.empty()) throw Error(ErrorKind::runtime, failure);
    // The sound of a prompt comes out `latency` later than the moment at which it is asked for.
    while (next != cues.end() && static_cast<double>(next->first) * block_seconds * host.rate <= static_cast<double>(done)) {
      processor.set_prompts(next->second);
      ++next;
    }
    const auto made = call.make(processor, done);
    const std::size_t from = std::min(host.call, latency - std::min(latency, done)), to = std::min(host.call, end - done);
    if (from < to) writer.write(made, from, to);
    if (const LiveMetrics now = processor.metrics(); now.blocks != blocks) {
      blocks = now.blocks;
      all_ms += now.block_ms;
      ++counted;
    }
    progress.at(std::min(end, done + host.call));
    const std::chrono::duration<double> due(static_cast<double>(done + host.call) / host.rate);
    std::this_thread::sleep_until(start + std::chrono::duration_cast<Clock::duration>(due));
  }
  const LiveMetrics metrics = processor.metrics();
  writer.finish();
  return {request.output,
          static_cast<double>(writer.samples()) / host.rate,
          seconds,
          writer.peak(),
          static_cast<int>(std::lround(host.rate)),
          metrics.blocks,
          counted == 0 ? 0 : all_ms / static_cast<double>(counted),
          metrics.worst_block_ms,
          1000 * metrics.block_seconds,
          controls.dump(),
          metrics};
}

}  // namespace lmdm::run
