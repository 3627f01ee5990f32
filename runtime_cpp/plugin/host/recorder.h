#pragma once

#include <filesystem>
#include <memory>

namespace lmdm::host {

/// Writes what is played to a WAV file of 32-bit float, from a thread of its own.
class Recorder {
 public:
  /// Throws Error(session): the file cannot be written.
  Recorder(const std::filesystem::path& file, double rate, int channels);
  /// Writes what is left.
  ~Recorder();

  /// [audio] One pointer for each channel. False: the disk was too slow, and these frames are missing.
  bool write(const float* const* channels, int frames) noexcept;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace lmdm::host
