#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "live/link.h"
#include "live/resampler.h"

namespace lmdm::live {

/// The host's input at the model's rate, on the inference thread. What never came is silence.
class InputFeed {
 public:
  explicit InputFeed(const Timeline& timeline);

  /// Takes what has come.
  void pull(TimedRing& ring);
  /// Model position before which all input is there.
  [[nodiscard]] std::int64_t end() const noexcept { return begin_ + static_cast<std::int64_t>(length()); }
  /// Input from model position `begin` on, planar, as long as `to`.
  void copy(std::int64_t begin, std::span<float> to) const;
  /// Forgets what is before a model position.
  void forget(std::int64_t position);

 private:
  [[nodiscard]] std::size_t length() const noexcept { return kept_.front().size() - gone_; }
  void append(std::int64_t position, const float* const* samples, std::size_t count);
  void pad(std::int64_t position);

  Resampler resampler_;
  Planes piece_;
  std::vector<std::vector<float>> kept_;  ///< by channel
  std::size_t gone_ = 0;                  ///< of the kept samples, forgotten
  std::int64_t begin_ = 0;                ///< model position of the first that is not
  std::int64_t most_;                     ///< silence that is worth keeping
  bool begun_ = false;
};

}  // namespace lmdm::live
