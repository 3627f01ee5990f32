#include <algorithm>
#include <cctype>
#include <iterator>
#include <map>
#include <utility>

#include "validate/player.h"
#include "validate/steps.h"

namespace lmdm::validate {
namespace {

using Found = std::pair<Errors, Bound>;

/// `cross_k_03` is of the kind `cross_k`: outputs that differ in their layer only are reported together.
std::string kind_of(const std::string& output) {
  const bool out = output.ends_with("_out");
  const std::string name = out ? output.substr(0, output.size() - 4) : output;
  const std::size_t cut = name.rfind('_');
  if (cut == std::string::npos || cut + 1 == name.size()) return output;
  if (!std::all_of(name.begin() + static_cast<std::ptrdiff_t>(cut) + 1, name.end(), [](unsigned char c) { return std::isdigit(c) != 0; }))
    return output;
  return name.substr(0, cut) + (out ? "_out" : "");
}

double nearness(const Found& found) {
  return found.first.max_abs / std::max(found.second.value, 1e-30);
}

/// The comparison nearest to its bound stands for all of them; the other figures are the worst of all.
Check worst_of(std::string what, const std::vector<Found>& every) {
  const Found& nearest = *std::ranges::max_element(every, {}, nearness);
  Errors errors = nearest.first;
  for (const Found& found : every) errors = errors.worst(found.first);
  if (every.size() > 1) what += " (" + std::to_string(every.size()) + " layers)";
  return {1, std::move(what), "max abs", nearest.first.max_abs, nearest.second, errors};
}

std::map<std::string, Found> compared(const GraphProbe& probe, const Arrays& outputs) {
  std::map<std::string, Found> found;
  for (const auto& [name, expected] : probe.expected) {
    const Errors errors = compare(doubles(expected), doubles(outputs.at(name)));
    found.emplace(name, Found{errors, rounding_bound(probe.rounding.at(name), errors.peak)});
  }
  return found;
}

/// The fault, by the output that shows it best; the state of a stream is no result.
void add_fault(Validation& validation, const Fault& fault, const GraphProbe& probe) {
  auto found = compared(probe, run_graph(validation.bundle, validation.backend, probe.graph, probe.inputs, fault));
  std::erase_if(found, [](const auto& entry) { return entry.first.starts_with("state_"); });
  const auto& [name, shown] = *std::ranges::max_element(found, {}, [](const auto& entry) { return nearness(entry.second); });
  validation.report.controls.push_back({1, fault.name, "max abs of " + name, shown.first.max_abs, shown.second.value});
}

}  // namespace

void check_graphs(Validation& validation) {
  std::map<std::string, GraphProbe> probes;
  for (const auto& [graph, entry] : validation.bundle.manifest().graphs) {
    validation.on_stage("graph " + graph);
    GraphProbe probe = validation.fixtures.graph(graph);
    std::map<std::string, std::vector<Found>> kinds;
    for (const auto& [name, found] : compared(probe, run_graph(validation.bundle, validation.backend, graph, probe.inputs)))
      kinds[kind_of(name)].push_back(found);
    for (const auto& [kind, every] : kinds) validation.report.checks.push_back(worst_of(graph + ": " + kind, every));
    probes.emplace(graph, std::move(probe));
  }
  std::vector<Fault> faults = cache_faults(validation.bundle.manifest());
  std::ranges::move(sketch_faults(validation.bundle), std::back_inserter(faults));
  for (const Fault& fault : faults) add_fault(validation, fault, probes.at(fault.graph));
}

}  // namespace lmdm::validate
