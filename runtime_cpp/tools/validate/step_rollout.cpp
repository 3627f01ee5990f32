#include <algorithm>
#include <iterator>
#include <utility>

#include "validate/player.h"
#include "validate/steps.h"

namespace lmdm::validate {
namespace {

constexpr int blocks_after_change = 3;

using Blocks = std::vector<std::vector<float>>;

/// Largest error of every block that was found.
std::vector<double> error_curve(const Blocks& expected, const Blocks& found) {
  std::vector<double> curve;
  for (std::size_t block = 0; block < std::min(expected.size(), found.size()); ++block)
    curve.push_back(compare(expected[block], found[block]).max_abs);
  return curve;
}

/// Of the blocks given, the one nearest to its bound.
std::size_t worst_block(const std::vector<double>& curve, const std::vector<double>& bounds, const std::vector<int>& blocks) {
  return static_cast<std::size_t>(*std::ranges::max_element(
      blocks, {}, [&](int block) { return curve[static_cast<std::size_t>(block)] / bounds[static_cast<std::size_t>(block)]; }));
}

std::vector<int> first_blocks(std::size_t count) {
  std::vector<int> blocks(count);
  for (std::size_t i = 0; i < count; ++i) blocks[i] = static_cast<int>(i);
  return blocks;
}

Errors errors_of(const Blocks& expected, const Blocks& found, const std::vector<int>& blocks) {
  std::vector<double> wanted, made;
  for (const int block : blocks) {
    std::ranges::copy(expected[static_cast<std::size_t>(block)], std::back_inserter(wanted));
    std::ranges::copy(found[static_cast<std::size_t>(block)], std::back_inserter(made));
  }
  return compare(wanted, made);
}

/// The expected loop with the bound of every block.
struct Loop {
  RolloutTruth truth;
  std::vector<double> bounds;
};

void add_fault(Validation& validation, const Loop& loop, const Fault& fault, int change) {
  validation.on_stage("closed loop with the fault: " + fault.name);
  const Scenario part = loop.truth.scenario.first(std::min(loop.truth.scenario.blocks, change + blocks_after_change));
  const auto curve = error_curve(loop.truth.expected, blocks_of(validation.bundle, validation.backend, part, fault));
  const std::size_t worst = worst_block(curve, loop.bounds, first_blocks(curve.size()));
  validation.report.controls.push_back({3, fault.name, "max abs (block " + std::to_string(worst) + ")", curve[worst], loop.bounds[worst]});
  validation.report.curves["fault: " + fault.name] = curve;
}

/// Whether a drop at this block reaches frames that were played: a stream from a null context has nothing to drop at first.
bool drops_music(const Manifest& manifest, int block) {
  return block * manifest.model.block > manifest.model.context - manifest.sampling.context_drop;
}

void add_faults(Validation& validation, const Loop& loop) {
  const Manifest& manifest = validation.bundle.manifest();
  const auto changes = loop.truth.scenario.changes();
  if (changes.empty()) return;
  std::vector<Fault> faults{prompt_fault(manifest)};
  std::ranges::move(cache_faults(manifest), std::back_inserter(faults));
  std::ranges::move(sketch_faults(validation.bundle), std::back_inserter(faults));
  if (auto fault = hop_fault(manifest)) faults.push_back(std::move(*fault));
  if (auto fault = cutoff_fault(manifest)) faults.push_back(std::move(*fault));
  faults.push_back(noise_fault());
  for (const Fault& fault : faults) add_fault(validation, loop, fault, changes.front());
  if (manifest.sampling.context_drop == 0) return;
  const auto shows = std::ranges::find_if(changes, [&](int block) { return drops_music(manifest, block); });
  if (shows != changes.end()) {
    add_fault(validation, loop, drop_fault(), *shows);
    return;
  }
  const int kept = manifest.model.context - manifest.sampling.context_drop;
  validation.report.not_run.push_back(
      {3, "fault: " + drop_fault().name,
       "no prompt change comes after the context is longer than its " + std::to_string(kept) + " kept frames; give more --blocks"});
}

}  // namespace

void check_rollout(Validation& validation) {
  Loop loop{validation.fixtures.rollout(), {}};
  const int stored = loop.truth.scenario.blocks;
  if (stored < std::max(validation.blocks, fewest_blocks)) {
    validation.report.not_run.push_back(
        {3, "closed loop of " + std::to_string(validation.blocks) + " blocks",
         "the fixture holds " + std::to_string(stored) + " blocks; give --blocks " + std::to_string(stored)});
    return;
  }
  const auto count = static_cast<std::size_t>(validation.blocks);
  loop.truth.scenario = loop.truth.scenario.first(validation.blocks);
  loop.truth.expected.resize(count);
  loop.truth.rounding.resize(count);
  validation.on_stage("closed loop of " + std::to_string(validation.blocks) + " blocks");
  const Blocks played = blocks_of(validation.bundle, validation.backend, loop.truth.scenario);
  // The export runs float64 for the first blocks only, and a closed loop may amplify rounding at any later one.
  validation.on_stage("closed loop, disturbed by rounding");
  const auto disturbed = error_curve(played, blocks_of(validation.bundle, validation.backend, loop.truth.scenario, disturbance()));
  std::vector<double> peaks;
  for (const auto& block : loop.truth.expected) peaks.push_back(peak(doubles(block)));
  loop.bounds = closed_loop_bounds(std::vector{loop.truth.rounding, disturbed}, peaks);

  const auto curve = error_curve(loop.truth.expected, played);
  const auto changes = loop.truth.scenario.changes();
  const std::string whole = std::to_string(count) + " blocks, " + std::to_string(changes.size()) + " prompt changes (context drop " +
                            std::to_string(validation.bundle.manifest().sampling.context_drop) + "), " +
                            std::to_string(loop.truth.scenario.varying()) + " new mixes";
  for (const auto& [what, blocks] :
       {std::pair{whole, first_blocks(count)}, std::pair{std::string("first block after each prompt change"), changes}}) {
    if (blocks.empty()) continue;
    const std::size_t worst = worst_block(curve, loop.bounds, blocks);
    const Bound bound{loop.bounds[worst], "32 x the largest error that rounding alone has led to in this closed loop up to that block",
                      loop.bounds[worst] / closed_loop_factor};
    validation.report.checks.push_back({3, what, "max abs (worst: block " + std::to_string(worst) + ")", curve[worst], bound,
                                        errors_of(loop.truth.expected, played, blocks)});
  }
  validation.report.curves["lmdm"] = curve;
  validation.report.curves["bound"] = loop.bounds;
  add_faults(validation, loop);
}

}  // namespace lmdm::validate
