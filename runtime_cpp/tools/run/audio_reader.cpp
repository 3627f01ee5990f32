#include <sndfile.h>
#include <soxr.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <string>
#include <string_view>

#include "lmdm/error.h"
#include "run/audio_file.h"

namespace lmdm::run {
namespace {

constexpr float fold = 0.7071F;  // gain of centre and surrounds in a stereo fold-down after ITU-R BS.775
constexpr int most_channels = 8;
// Channels after left and right in WAV and FLAC, by their number: c centre, x low frequencies (left out), l and r surrounds.
constexpr std::array<std::string_view, most_channels + 1> surround{"", "", "", "c", "lr", "clr", "cxlr", "cxclr", "cxlrlr"};

using Channels = std::vector<std::vector<float>>;

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(ErrorKind::session, sentence);
}

Channels read_file(const std::filesystem::path& path, int& rate) {
  if (!std::filesystem::is_regular_file(path))
    refuse("there is no audio file " + path.string() + "; give a WAV, FLAC, OGG, MP3 or AIFF file");
  SF_INFO info{};
  const std::unique_ptr<SNDFILE, int (*)(SNDFILE*)> file(sf_open(path.c_str(), SFM_READ, &info), sf_close);
  if (!file) refuse(path.string() + " is not readable as audio (" + sf_strerror(nullptr) + "); give a WAV, FLAC, OGG, MP3 or AIFF file");
  rate = info.samplerate;
  const auto count = static_cast<std::size_t>(info.channels);
  Channels channels(count);
  std::vector<float> part(65536 * count);
  while (const sf_count_t read = sf_readf_float(file.get(), part.data(), 65536))
    for (std::size_t i = 0; i < static_cast<std::size_t>(read) * count; ++i) channels[i % count].push_back(part[i]);
  if (channels.empty() || channels.front().empty()) refuse(path.string() + " holds no samples; give a file with audio in it");
  std::ptrdiff_t bad = 0;
  for (const auto& channel : channels) bad += std::ranges::count_if(channel, [](float sample) { return !std::isfinite(sample); });
  if (bad != 0)
    refuse(path.string() + " holds " + std::to_string(bad) +
           " samples that are not finite (NaN or infinity); expected audio between -1 and 1");
  return channels;
}

void add(std::vector<float>& to, const std::vector<float>& from, float gain) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] += gain * from[i];
}

Channels to_channels(Channels audio, std::size_t wanted) {
  const std::size_t found = audio.size();
  if (found == wanted) return audio;
  if (found > most_channels) refuse("audio has " + std::to_string(found) + " channels; expected 1 to " + std::to_string(most_channels));
  if (found > 2) {
    for (std::size_t i = 2; i < found; ++i) {
      const char place = surround[found][i - 2];
      if (place == 'c' || place == 'l') add(audio[0], audio[i], fold);
      if (place == 'c' || place == 'r') add(audio[1], audio[i], fold);
    }
    audio.resize(2);
    for (auto& channel : audio)
      for (float& sample : channel) sample /= 1 + fold;
  }
  if (wanted == 1) {
    if (audio.size() == 1) return audio;
    add(audio[0], audio[1], 1);
    for (float& sample : audio[0]) sample /= 2;
    return {audio[0]};
  }
  if (audio.size() == 1) return Channels(wanted, audio[0]);
  if (wanted == 2) return audio;
  refuse(std::to_string(found) + " audio channels cannot become " + std::to_string(wanted) +
         "; give mono, stereo or the model's own layout");
}

std::vector<float> resampled(const std::vector<float>& channel, int rate, int target) {
  if (rate == target) return channel;
  const double ratio = static_cast<double>(target) / rate;
  std::vector<float> made(static_cast<std::size_t>(std::llround(static_cast<double>(channel.size()) * ratio)));
  const soxr_quality_spec_t quality = soxr_quality_spec(SOXR_VHQ, 0);
  const soxr_io_spec_t format = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I);
  std::size_t written = 0;
  const soxr_error_t failure = soxr_oneshot(rate, target, 1, channel.data(), channel.size(), nullptr, made.data(), made.size(), &written,
                                            &format, &quality, nullptr);
  if (failure != nullptr) refuse(std::string("audio cannot be resampled (") + soxr_strerror(failure) + "); give a file of another rate");
  made.resize(written);
  return made;
}

}  // namespace

std::vector<float> read_audio(const std::filesystem::path& path, int sample_rate, int channels) {
  int rate = sample_rate;
  std::vector<float> planar;
  for (const auto& channel : to_channels(read_file(path, rate), static_cast<std::size_t>(channels))) {
    const auto made = resampled(channel, rate, sample_rate);
    planar.insert(planar.end(), made.begin(), made.end());
  }
  return planar;
}

}  // namespace lmdm::run
