#include "input.h"

#include <juce_audio_formats/juce_audio_formats.h>

#include <algorithm>
#include <memory>
#include <string>

#include "files.h"
#include "lmdm/error.h"

namespace lmdm::host {

Input::Input(const std::filesystem::path& file, double rate) {
  const juce::File source = file_at(file);
  juce::WavAudioFormat format;
  const std::unique_ptr<juce::AudioFormatReader> reader(format.createReaderFor(source.createInputStream().release(), true));
  if (reader == nullptr) throw Error(ErrorKind::session, "the input " + file.string() + " is no WAV file that can be read; name another");
  if (reader->sampleRate != rate) {
    throw Error(ErrorKind::session, "the input " + file.string() + " has a rate of " + std::to_string(reader->sampleRate) +
                                        " Hz and the host has " + std::to_string(rate) + "; give one of the host's rate, or --rate");
  }
  juce::AudioBuffer<float> whole(2, static_cast<int>(reader->lengthInSamples));
  reader->read(&whole, 0, whole.getNumSamples(), 0, true, true);
  for (int channel = 0; channel < 2; ++channel) {
    const float* samples = whole.getReadPointer(channel);
    planes_[channel].assign(samples, samples + whole.getNumSamples());
  }
}

void Input::play(float* const* channels, int count, int frames) noexcept {
  const std::size_t length = planes_[0].size();
  for (int frame = 0; frame < frames; ++frame) {
    for (int channel = 0; channel < count; ++channel) {
      channels[channel][frame] = length == 0 ? 0.0F : planes_[std::min(channel, 1)][place_];
    }
    if (length != 0) place_ = (place_ + 1) % length;
  }
}

}  // namespace lmdm::host
