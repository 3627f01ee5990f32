#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/audio_queue.h"
#include "engine/control_values.h"
#include "engine/stateful_graph.h"
#include "lmdm/backend.h"
#include "lmdm/manifest.h"

namespace lmdm {

/// The sketch of a piece: audio in any pieces becomes the controls of each block, by the bundle's graph `sketch`.
///
/// A control that is not chosen is zero, presence and all; one that is chosen is scaled by its strength. Missing audio is silence, which is
/// a sketch too.
class SketchStream {
 public:
  /// The manifest must have a sketch; `backend` must outlive the stream.
  SketchStream(const Manifest& manifest, Backend& backend, States first);

  /// Whether a sketch control that is chosen or not feeds this group.
  [[nodiscard]] bool feeds(const std::string& group) const noexcept;
  /// The kinds that the next blocks follow.
  [[nodiscard]] const std::vector<std::string>& chosen() const noexcept { return chosen_; }
  /// Whether audio was fed that no block has taken.
  [[nodiscard]] bool waiting() const noexcept { return queue_.samples() > 0; }
  /// Length of the median in frames.
  [[nodiscard]] int median() const noexcept { return median_; }

  /// Nothing has been heard yet, and what was fed is forgotten; what was chosen stays.
  void reset();
  /// Which controls the next blocks follow, and the length of the median in frames; none leaves it as it is.
  /// Throws Error(session): there is no such control or median.
  void choose(std::span<const std::string> kinds, std::optional<int> smoothing);
  /// Scales a control of the next blocks, 1 at first. Throws Error(session): there is no such control, or the strength is not from 0 to 1.
  void set_strength(const std::string& kind, double strength);
  /// Audio [channels, samples] at the bundle's rate, behind what was fed before; the next block follows the oldest of it.
  /// Throws Error(session): wrong channels, or samples that are not finite.
  void feed(std::span<const float> audio);
  /// Controls of the block that is made now, [channels, block]; the same until `advance`, so that a block that failed can be begun again.
  [[nodiscard]] ControlValues block();
  /// The block has been made.
  void advance() noexcept { current_.reset(); }
  /// The chosen controls of audio [channels, N * frame_size] of its own, after silence: [channels, N]. The stream goes on as if nothing
  /// had happened.
  [[nodiscard]] ControlValues analyse(std::span<const float> audio);

 private:
  [[nodiscard]] bool is_chosen(const std::string& kind) const noexcept;
  void require_known(const std::string& kind) const;
  /// 0 where the control is not chosen.
  [[nodiscard]] float strength(const std::string& kind) const noexcept;
  [[nodiscard]] ControlValues run(std::span<const float> audio);

  std::vector<ControlEntry> controls_;  ///< those that the sketch feeds
  std::vector<int> medians_;
  int median_;
  std::vector<std::string> chosen_;
  std::map<std::string, float> strengths_;  ///< those that were set
  std::size_t channels_, block_, samples_;
  AudioQueue queue_;
  Buffers buffers_;
  StatefulGraph graph_;
  States first_;
  std::vector<float> audio_;  ///< of one run, [channels, block * frame_size]
  std::optional<ControlValues> current_;
};

/// The newest `context` frames of values [channels, N], zeros before them.
[[nodiscard]] std::vector<float> whole_history(std::span<const float> values, std::size_t channels, std::size_t context);

}  // namespace lmdm
