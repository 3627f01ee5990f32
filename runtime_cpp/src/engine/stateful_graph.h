#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <memory>
#include <string>

#include "lmdm/backend.h"
#include "lmdm/bundle.h"
#include "lmdm/manifest.h"

namespace lmdm {

/// Values of carried state by input name.
using States = std::map<std::string, Array>;

/// A graph that carries state: an input X with an output X_out is state, everything else is bound to the buffers in `fixed`.
///
/// Two sets of buffers are read and written in turn, so that no run writes what it reads; two bindings are made once, a run uses one
/// and leaves the other for the next run. A run that throws leaves the state as it was.
class StatefulGraph {
 public:
  /// `backend` must outlive the graph.
  StatefulGraph(Backend& backend, const GraphEntry& graph, const Buffers& fixed);

  /// The state that runs read at turn 0 and at turn 1.
  [[nodiscard]] const Buffers& side(std::size_t turn) const noexcept { return sides_[turn]; }
  /// Which side the next run reads.
  [[nodiscard]] std::size_t turn() const noexcept { return turn_; }
  /// What the next run reads, which is what the last one wrote.
  [[nodiscard]] const Buffers& state() const noexcept { return sides_[turn_]; }

  void run();
  /// As if the last run had not been; once after a run, and not after a restart.
  void rewind() noexcept { turn_ = 1 - turn_; }
  /// First values of the state; zeros where `values` has none.
  /// Throws Error(bundle): values of another shape or type than the state's.
  void restart(const States& values);
  /// A host copy of what the next run reads, for `restart`.
  [[nodiscard]] States snapshot() const;

 private:
  std::string graph_;
  std::array<Buffers, 2> sides_;
  std::array<std::unique_ptr<Binding>, 2> bindings_;
  std::size_t turn_ = 0;
};

/// First values of the state of one direction of the codec; none where all are zero.
[[nodiscard]] States first_states(const Bundle& bundle, const Streaming& streaming);
/// First values of the state of the graph `sketch`; none in a bundle without sketch.
[[nodiscard]] States sketch_states(const Bundle& bundle);

}  // namespace lmdm
