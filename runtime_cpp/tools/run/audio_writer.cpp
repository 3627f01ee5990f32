#include <sndfile.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <string>
#include <system_error>
#include <utility>

#include "lmdm/error.h"
#include "run/audio_file.h"

namespace lmdm::run {
namespace {

int format_of(const std::filesystem::path& path) {
  std::string ending = path.extension().string();
  std::ranges::transform(ending, ending.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (ending == ".wav") return SF_FORMAT_WAV | SF_FORMAT_PCM_24;
  if (ending == ".flac") return SF_FORMAT_FLAC | SF_FORMAT_PCM_24;
  throw Error(ErrorKind::session, path.filename().string() + " does not end in .wav or .flac, the formats that can be written");
}

}  // namespace

struct AudioWriter::File {
  std::unique_ptr<SNDFILE, int (*)(SNDFILE*)> handle{nullptr, sf_close};
};

AudioWriter::AudioWriter(std::filesystem::path path, int sample_rate, int channels)
    : path_(std::move(path)), channels_(static_cast<std::size_t>(channels)), file_(std::make_unique<File>()) {
  SF_INFO info{};
  info.samplerate = sample_rate;
  info.channels = channels;
  info.format = format_of(path_);
  // Beside its place, so that a rename is all that is left to do.
  std::string hidden(1, '.');
  hidden.append(path_.filename().string()).append(1, '.').append(std::to_string(getpid())).append(".part");
  part_ = path_.parent_path() / hidden;
  std::error_code failure;
  if (path_.has_parent_path()) std::filesystem::create_directories(path_.parent_path(), failure);
  file_->handle.reset(sf_open(part_.c_str(), SFM_WRITE, &info));
  if (!file_->handle)
    throw Error(ErrorKind::session,
                path_.string() + " cannot be written (" + sf_strerror(nullptr) + "); choose a folder that exists and has room");
  sf_command(file_->handle.get(), SFC_SET_CLIPPING, nullptr, SF_TRUE);
}

AudioWriter::~AudioWriter() {
  if (!file_->handle) return;
  file_->handle.reset();
  std::error_code ignored;
  std::filesystem::remove(part_, ignored);
}

void AudioWriter::write(std::span<const float> audio) {
  write(audio, 0, audio.size() / channels_);
}

void AudioWriter::write(std::span<const float> audio, std::size_t first, std::size_t last) {
  const std::size_t length = audio.size() / channels_;
  interleaved_.clear();
  std::size_t bad = 0;
  for (std::size_t i = first; i < last; ++i) {
    for (std::size_t channel = 0; channel < channels_; ++channel) {
      const float sample = audio[channel * length + i];
      bad += std::isfinite(sample) ? 0 : 1;
      peak_ = std::max(peak_, static_cast<double>(std::abs(sample)));
      interleaved_.push_back(sample);
    }
  }
  if (bad != 0)
    throw Error(ErrorKind::runtime, "refusing to write " + path_.string() + ": " + std::to_string(bad) +
                                        " samples are not finite; check the bundle with: lmdm validate");
  const auto frames = static_cast<sf_count_t>(interleaved_.size() / channels_);
  if (sf_writef_float(file_->handle.get(), interleaved_.data(), frames) != frames)
    throw Error(ErrorKind::runtime,
                path_.string() + " could not be written on (" + sf_strerror(file_->handle.get()) + "); is the disk full?");
  samples_ += static_cast<std::size_t>(frames);
}

void AudioWriter::finish() {
  const int failed = sf_close(file_->handle.release());
  std::error_code failure;
  if (failed == 0) std::filesystem::rename(part_, path_, failure);
  if (failed == 0 && !failure) return;
  std::error_code ignored;
  std::filesystem::remove(part_, ignored);
  throw Error(ErrorKind::runtime, path_.string() + " could not be written on (" +
                                      (failed != 0 ? sf_error_number(failed) : failure.message()) + "); is the disk full?");
}

}  // namespace lmdm::run
