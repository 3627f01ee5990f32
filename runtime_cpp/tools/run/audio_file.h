#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

/// Audio files in and out. Audio is planar [channels, samples].
namespace lmdm::run {

/// A file at `sample_rate` and with `channels`, whatever it has itself. Surround folds to stereo after ITU-R BS.775, stereo to mono by its
/// mean, and mono is copied to every channel. Throws Error(session): it is missing, empty, no audio, or not finite.
[[nodiscard]] std::vector<float> read_audio(const std::filesystem::path& path, int sample_rate, int channels);

/// Writes 24-bit WAV or FLAC. The file appears under its name only with `finish`; without it nothing is left.
class AudioWriter {
 public:
  /// Throws Error(session): another ending, or the file cannot be written.
  AudioWriter(std::filesystem::path path, int sample_rate, int channels);
  ~AudioWriter();
  AudioWriter(const AudioWriter&) = delete;
  AudioWriter& operator=(const AudioWriter&) = delete;

  /// Samples `first` to `last` of planar audio; beyond full scale they clip. Throws Error: not finite, or the disk is full.
  void write(std::span<const float> audio, std::size_t first, std::size_t last);
  void write(std::span<const float> audio);
  void finish();

  [[nodiscard]] double peak() const noexcept { return peak_; }
  /// Of one channel.
  [[nodiscard]] std::size_t samples() const noexcept { return samples_; }

 private:
  struct File;
  std::filesystem::path path_, part_;
  std::size_t channels_, samples_ = 0;
  double peak_ = 0;
  std::unique_ptr<File> file_;
  std::vector<float> interleaved_;
};

}  // namespace lmdm::run
