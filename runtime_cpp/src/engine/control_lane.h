#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace lmdm {

/// One control: frames to come, the last of which is held, and the newest `context` frames that were played. All are zero at first.
class ControlLane {
 public:
  ControlLane(std::size_t channels, std::size_t context, std::size_t block);

  [[nodiscard]] std::size_t channels() const noexcept { return channels_; }
  /// Values of the block that is made now, [channels, block].
  [[nodiscard]] std::vector<float> next_block() const;
  /// What was played over the context, [channels, context].
  [[nodiscard]] const std::vector<float>& history() const noexcept { return history_; }
  /// The block has been made: its values become history.
  void advance();
  /// What comes from the next block on, [channels, frames] whose last frame is held; `name` is for errors.
  /// Throws Error(session): another shape, no frames, or values that are not finite.
  void set(const std::string& name, std::span<const float> values, std::size_t frames);
  /// What comes from the next block on, already checked, [channels, n], n at least 1.
  void follow(std::vector<float> values);
  /// History as if these had been played, [channels, context].
  void remember(std::vector<float> values);
  /// Nothing has been played; what comes stays.
  void forget() noexcept;

 private:
  std::size_t channels_, block_;
  std::vector<float> coming_;  ///< [channels, n]
  std::size_t begun_ = 0;      ///< frames of `coming_` that were played
  std::vector<float> history_;
};

}  // namespace lmdm
