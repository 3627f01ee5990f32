#pragma once

#include <filesystem>
#include <vector>

namespace lmdm::host {

/// A stereo recording that is played in a loop; silence where there is none.
class Input {
 public:
  Input() = default;
  /// Reads all of a WAV file of one or two channels. Throws Error(session): it cannot be read, or has another rate than the host.
  Input(const std::filesystem::path& file, double rate);

  /// [audio] The next frames into each channel.
  void play(float* const* channels, int count, int frames) noexcept;

 private:
  std::vector<float> planes_[2];
  std::size_t place_ = 0;
};

}  // namespace lmdm::host
