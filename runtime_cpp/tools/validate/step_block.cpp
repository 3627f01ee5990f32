#include "validate/player.h"
#include "validate/steps.h"

namespace lmdm::validate {

void check_blocks(Validation& validation) {
  const auto probes = validation.fixtures.block_probes();
  for (const BlockProbe& probe : probes) {
    validation.on_stage(probe.name);
    const auto found = blocks_of(validation.bundle, validation.backend, probe.scenario).back();
    const Errors errors = compare(probe.expected, found);
    validation.report.checks.push_back({2, probe.name, "max abs", errors.max_abs, rounding_bound(probe.rounding, errors.peak), errors});
  }
  // The faults run on the last probe, whose context is the richest.
  const BlockProbe& probe = probes.back();
  const Bound bound = rounding_bound(probe.rounding, peak(doubles(probe.expected)));
  auto faults = cache_faults(validation.bundle.manifest());
  if (auto fault = cutoff_fault(validation.bundle.manifest())) faults.push_back(std::move(*fault));
  faults.push_back(noise_fault());
  for (const Fault& fault : faults) {
    validation.on_stage("one block with the fault: " + fault.name);
    const auto found = blocks_of(validation.bundle, validation.backend, probe.scenario, fault).back();
    validation.report.controls.push_back({2, fault.name, "max abs", compare(probe.expected, found).max_abs, bound.value});
  }
}

}  // namespace lmdm::validate
