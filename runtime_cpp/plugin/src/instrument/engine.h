#pragma once

#include <juce_dsp/juce_dsp.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "instrument/music.h"
#include "parameters/layout.h"
#include "view/sketch_picture.h"

namespace lmdm::plugin {

/// What an engine is built for. Engines of equal specifications play alike.
struct EngineSpec {
  std::filesystem::path folder;  ///< that a person chose; empty: the first instrument that is installed
  int layout = 0;
  double rate = 0;  ///< Hz
  int channels = 2, largest_block = 0;
  bool side = false;  ///< the side-chain is connected
  bool offline = false;
  Headroom headroom = Headroom::measured;
  Underrun underrun = Underrun::silence;
  int measured_steps = 0;  ///< solver steps for which the headroom is measured; 0 where it is given

  bool operator==(const EngineSpec&) const = default;
};

/// What the instrument in an engine is.
struct Facts {
  std::string name;
  std::filesystem::path bundle;
  std::string manifest_hash;  ///< SHA-256, in hexadecimal
  SketchLayout sketch;
  bool has_accompaniment = false, has_guidance = false;
};

/// One life of an instrument in a plugin: prepared for one host, and replaced whenever that changes.
class Engine {
 public:
  /// The longest piece that `play` takes at once.
  static constexpr int longest_piece = 512;

  EngineSpec spec;
  Facts facts;
  std::unique_ptr<Music> music;

  /// [control] Once there is music.
  void prepare();
  /// [control] Time begins again; `play` must not run meanwhile. Returns whether it could; otherwise the engine is silent.
  [[nodiscard]] bool restart();

  /// [control] Of the input, nothing is heard any more that came before; `play` must not run meanwhile.
  void forget();

  /// [audio] `heard` is what the music hears of the host's input `raw`, `side` may be null; gives the music, and the input as late as the
  /// music is, in planes of `spec.channels` channels.
  void play(const float* const* raw, const float* const* heard, const float* const* side, float* const* wet, float* const* late,
            int frames) noexcept LMDM_NONBLOCKING;
  /// [audio] Whether the next piece answers what was played since the beginning.
  [[nodiscard]] bool full() const noexcept { return played_ >= music->latency(); }

  /// By the audio thread: host sample at which it was first played; -1: not yet.
  std::atomic<std::int64_t> origin{-1};
  /// By the audio thread: in the pile of those that it gave back.
  Engine* beneath = nullptr;

 private:
  using Delay = juce::dsp::DelayLine<float, juce::dsp::DelayLineInterpolationTypes::None>;

  std::int64_t played_ = 0;
  Delay delay_;
};

}  // namespace lmdm::plugin
