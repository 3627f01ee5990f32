#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "instrument/engine.h"
#include "processor/tap.h"
#include "view/columns.h"
#include "view/spectrum.h"

namespace lmdm::plugin {

/// The columns that the editor draws: the conductor makes them while somebody looks, the editor takes them.
class Pictures {
 public:
  /// Any thread.
  void watch(bool watched);
  [[nodiscard]] bool watched() const noexcept { return watched_.load(std::memory_order_relaxed); }
  void take(std::vector<SketchColumn>& sketch, std::vector<SpectrumColumn>& spectrum);

  /// One thread: what an engine reports, as it sounds.
  void draw_sketch(const Engine& engine, const std::vector<BlockReport>& reports);
  /// One thread: what has come through the tap.
  void draw_spectrum(double rate);

  Tap tap;

 private:
  /// Of columns that nobody takes.
  static constexpr std::size_t most_columns = 4096;

  std::atomic<bool> watched_{false};
  std::mutex mutex_;
  std::vector<SketchColumn> sketch_;      ///< under the mutex
  std::vector<SpectrumColumn> spectrum_;  ///< under the mutex
  std::unique_ptr<Spectrum> maker_;
  double rate_ = 0;
  std::int64_t expected_ = -1;  ///< position of the next piece of a stream without a hole
};

}  // namespace lmdm::plugin
