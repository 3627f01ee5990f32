#include <chrono>

#include "bench/play.h"
#include "bench/stages.h"

namespace lmdm::bench {

nlohmann::ordered_json play_unpaced(Generator& generator, const Request& request) {
  using Clock = std::chrono::steady_clock;
  const double block_seconds = static_cast<double>(generator.block_samples()) / generator.sample_rate();
  const auto blocks = static_cast<std::size_t>(request.seconds / block_seconds) + 1;
  std::vector<float> audio(generator.block_samples() * static_cast<std::size_t>(generator.channels()));
  Stages stages;
  double spent_ms = 0;
  std::size_t changed = 0;
  for (std::size_t block = 0; block < blocks; ++block) {
    const auto change = static_cast<std::size_t>(static_cast<double>(block) * block_seconds / request.change_seconds);
    const Clock::time_point start = Clock::now();
    if (change != changed) generator.set_prompt(request.prompts[(changed = change) % request.prompts.size()]);
    generator.next_block(audio);
    const double ms = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
    stages.add(generator.timings(), ms);
    spent_ms += ms;
  }
  return {{"mode", "unpaced"},
          {"block_seconds", block_seconds},
          {"stages_ms", stages.figures()},
          {"prompt_changes", changed},
          {"times_real_time", static_cast<double>(blocks) * block_seconds * 1000 / spent_ms}};
}

}  // namespace lmdm::bench
