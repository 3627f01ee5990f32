#pragma once

#include <juce_audio_basics/juce_audio_basics.h>

#include "lmdm/nonblocking.h"

namespace lmdm::plugin {

/// What a MIDI foot asks for. Of the audio thread.
class Pedal {
 public:
  /// Whether the note that begins the piece again was struck.
  [[nodiscard]] bool listen(const juce::MidiBuffer& midi) noexcept LMDM_NONBLOCKING {
    bool struck = false;
    for (const auto message : midi) {
      if (message.numBytes < 3) continue;
      const int kind = message.data[0] & 0xf0, number = message.data[1], value = message.data[2];
      if (kind == 0xb0 && number == sustain) held_ = value >= 64;
      if (kind == 0x90 && number == note && value > 0) struck = true;
    }
    return struck;
  }
  [[nodiscard]] bool held() const noexcept { return held_; }
  void lift() noexcept { held_ = false; }

 private:
  static constexpr int sustain = 64;  ///< controller: freezes while it is held
  static constexpr int note = 36;     ///< C1, the lowest pad of most controllers

  bool held_ = false;
};

}  // namespace lmdm::plugin
