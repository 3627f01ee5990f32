#include "recorder.h"

#include <juce_audio_formats/juce_audio_formats.h>

#include "files.h"
#include "lmdm/error.h"

namespace lmdm::host {
namespace {

constexpr double buffer_seconds = 8;

juce::AudioFormatWriter* open(const std::filesystem::path& file, double rate, int channels) {
  const juce::File target = file_at(file);
  target.deleteFile();
  std::unique_ptr<juce::FileOutputStream> stream(target.createOutputStream());
  juce::WavAudioFormat format;
  juce::AudioFormatWriter* writer =
      stream == nullptr ? nullptr : format.createWriterFor(stream.get(), rate, static_cast<unsigned>(channels), 32, {}, 0);
  if (writer == nullptr) {
    throw Error(ErrorKind::session, "the recording " + file.string() + " cannot be written; choose a folder that exists and has room");
  }
  stream.release();  // NOLINT: the writer owns it
  return writer;
}

}  // namespace

struct Recorder::Parts {
  Parts(const std::filesystem::path& file, double rate, int channels)
      : writer(open(file, rate, channels), thread, static_cast<int>(buffer_seconds * rate)) {
    thread.startThread();
  }

  juce::TimeSliceThread thread{"recorder"};
  juce::AudioFormatWriter::ThreadedWriter writer;
};

Recorder::Recorder(const std::filesystem::path& file, double rate, int channels) : parts_(std::make_unique<Parts>(file, rate, channels)) {}

Recorder::~Recorder() = default;

bool Recorder::write(const float* const* channels, int frames) noexcept {
  return parts_->writer.write(channels, frames);
}

}  // namespace lmdm::host
