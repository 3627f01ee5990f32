#pragma once

#include <map>
#include <string>
#include <vector>

#include "lmdm/array.h"
#include "lmdm/bundle.h"
#include "validate/scenario.h"

/// What a bundle is held against: the torch reference that its export stored, with the rounding that was measured then.
namespace lmdm::validate {

using Arrays = std::map<std::string, Array>;

/// One run of one graph; `rounding` is torch's float32 against float64, by output.
struct GraphProbe {
  std::string graph;
  Arrays inputs, expected;
  std::map<std::string, double> rounding;
};

/// The last block [C, o] of a scenario.
struct BlockProbe {
  std::string name;
  Scenario scenario;
  std::vector<float> expected;
  double rounding = 0;
};

/// Closed-loop blocks, each [C, o]; `rounding` by block.
struct RolloutTruth {
  Scenario scenario;
  std::vector<std::vector<float>> expected;
  std::vector<double> rounding;
};

/// Frames [C, N] and their audio [channels, samples], decoded at once; the first `warm_up` frames are no part of the comparison.
struct AudioTruth {
  std::vector<float> frames, audio;
  double rounding = 0;
  int warm_up = 0;
};

/// The fixtures of a bundle. Every function throws Error(bundle): there is no such fixture, or it is not whole.
class Fixtures {
 public:
  explicit Fixtures(const Bundle& bundle);

  /// Such as "the bundle's fixtures (torch 2.9.1, float32)".
  [[nodiscard]] std::string name() const;
  /// Blocks of the stored closed loop.
  [[nodiscard]] int blocks() const;
  [[nodiscard]] GraphProbe graph(const std::string& graph) const;
  /// The stored first block, and the one at which the context is full; a null context hides faults.
  [[nodiscard]] std::vector<BlockProbe> block_probes() const;
  [[nodiscard]] RolloutTruth rollout() const;
  [[nodiscard]] AudioTruth audio() const;

 private:
  [[nodiscard]] Arrays load(const std::string& fixture) const;
  [[nodiscard]] Scenario scenario(const Arrays& arrays) const;
  [[nodiscard]] std::map<std::string, double> rounding(const std::string& fixture) const;
  [[nodiscard]] std::vector<double> rounding_by_block() const;

  const Bundle* bundle_;
};

}  // namespace lmdm::validate
