#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/accompaniment_stream.h"
#include "engine/control_lane.h"
#include "engine/control_values.h"
#include "engine/sketch_stream.h"
#include "engine/stateful_graph.h"
#include "lmdm/backend.h"
#include "lmdm/manifest.h"

namespace lmdm {

/// The controls of a bundle, whatever feeds them: the caller, a sketch, or an accompaniment. All start at zero.
///
/// A block: `prepare`, then `history` and `block`, then `advance` once it has been made. A block that failed is begun again with
/// `prepare`, which gives the same.
class Controls {
 public:
  /// `manifest` and `backend` must outlive the controls; the states are those of `sketch_states` and of the codec's encoder.
  Controls(const Manifest& manifest, Backend& backend, States sketch_first, States encoder_first);

  [[nodiscard]] bool has_sketch() const noexcept { return sketch_.has_value(); }
  [[nodiscard]] bool has_accompaniment() const noexcept { return accompaniment_.has_value(); }
  /// What turns audio into controls. Throws Error(session): the bundle has no sketch controls.
  [[nodiscard]] SketchStream& sketch();
  /// What shows other music to the network. Throws Error(session): the bundle takes no accompaniment.
  [[nodiscard]] AccompanimentStream& accompaniment();

  /// Values [channels, frames] from the next block on, whose last frame is held.
  /// Throws Error(session): unknown control, one that a sketch or an accompaniment feeds now, wrong shape, or values that are not finite.
  void set(const std::string& name, std::span<const float> values, std::size_t frames);
  /// Computes what the block that is made now needs; a second call for the same block gives the same.
  /// Throws Error(session): the accompaniment is not known far enough.
  void prepare();
  /// What the sketch makes of the audio that becomes the context, [channels, N * frame_size], becomes its history.
  void prime(std::span<const float> audio);
  /// Clears what was played and fed; what was set or chosen stays.
  void reset();
  /// Values over the context by group, [channels, context].
  [[nodiscard]] ControlValues history() const;
  /// Values of the block that is made now by group, [channels, block].
  [[nodiscard]] ControlValues block() const;
  /// The block has been made.
  void advance();

 private:
  [[nodiscard]] ControlValues cut(std::size_t first, std::size_t count) const;
  [[nodiscard]] ControlLane* lane(const std::string& name) noexcept;

  std::size_t context_, block_;
  std::string kinds_;                                       ///< of all controls, for errors
  std::vector<std::pair<std::string, ControlLane>> lanes_;  ///< in the manifest's order
  std::optional<SketchStream> sketch_;
  std::optional<AccompanimentStream> accompaniment_;
  ControlValues window_;  ///< of the accompaniment, [channels, context + block]
  bool sketched_ = false;
};

}  // namespace lmdm
