#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "live/planes.h"
#include "live/ratio.h"

namespace lmdm::live {

/// A stream of samples at another rate, aligned in time: output sample `p` sounds exactly when sample p of the other timeline does, however
/// often the stream was interrupted. At equal rates it copies.
class Resampler {
 public:
  Resampler(Ratio ratio, int channels);
  ~Resampler();
  Resampler(const Resampler&) = delete;
  Resampler& operator=(const Resampler&) = delete;

  /// Input that must follow a sample before its output is there, at most. It takes some milliseconds to find.
  [[nodiscard]] static std::int64_t lag(Ratio ratio);

  /// Forgets the past; the next input is that of `position`, and output begins with the first sample that is not before it.
  void restart(std::int64_t position);
  /// Takes input and returns how many frames came out: `output()` from `output_position()` on, until the next call.
  std::size_t push(const float* const* input, std::size_t frames);
  /// Takes silence until everything before the input so far has come out, and gives just that. `restart` must follow.
  std::size_t flush();

  [[nodiscard]] const float* const* output() const noexcept { return output_.data(); }
  [[nodiscard]] std::int64_t output_position() const noexcept { return output_position_; }
  /// Of the input that comes next.
  [[nodiscard]] std::int64_t input_position() const noexcept { return input_position_; }

 private:
  struct Stream;
  void convert(const float* const* input, std::size_t frames);
  void reserve(std::size_t frames);
  void drop_early() noexcept;
  [[nodiscard]] std::size_t give() noexcept;

  Ratio ratio_;
  int channels_;
  std::int64_t input_position_ = 0;
  std::int64_t output_position_ = 0;
  std::int64_t made_position_ = 0;   ///< of the output that the converter makes next
  std::int64_t first_position_ = 0;  ///< before which output is not wanted
  std::size_t made_ = 0;             ///< and not given yet
  Planes output_, silence_;
  std::vector<const float*> from_;
  std::vector<float*> to_;
  std::unique_ptr<Stream> stream_;
};

}  // namespace lmdm::live
