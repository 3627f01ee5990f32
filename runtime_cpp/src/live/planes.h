#pragma once

#include <cstddef>
#include <vector>

namespace lmdm::live {

/// Channels of equal length in one piece of memory, allocated once.
class Planes {
 public:
  Planes() = default;
  Planes(int channels, std::size_t frames) : frames_(frames), samples_(static_cast<std::size_t>(channels) * frames) {
    for (int channel = 0; channel < channels; ++channel) planes_.push_back(samples_.data() + static_cast<std::size_t>(channel) * frames);
  }
  Planes(Planes&&) noexcept = default;
  Planes& operator=(Planes&&) noexcept = default;
  Planes(const Planes&) = delete;
  Planes& operator=(const Planes&) = delete;

  [[nodiscard]] int channels() const noexcept { return static_cast<int>(planes_.size()); }
  [[nodiscard]] std::size_t frames() const noexcept { return frames_; }
  [[nodiscard]] float* operator[](int channel) const noexcept { return planes_[static_cast<std::size_t>(channel)]; }
  [[nodiscard]] float* const* data() const noexcept { return planes_.data(); }

 private:
  std::size_t frames_ = 0;
  std::vector<float> samples_;
  std::vector<float*> planes_;
};

}  // namespace lmdm::live
