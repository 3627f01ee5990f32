#pragma once

#include <vector>

namespace lmdm::plugin {

/// One latent frame of the sketch that was followed.
struct SketchColumn {
  double seconds = 0;        ///< since `prepare`, at which it sounds
  std::vector<float> pitch;  ///< of each bin, 0-1; empty where no pitch was followed
  float loudness = 0;        ///< 0-1 along its axis; NaN: none was followed
};

/// One column of the spectrogram of what is generated.
struct SpectrumColumn {
  double seconds = 0;        ///< since `prepare`, at which it sounds
  std::vector<float> level;  ///< decibel, from low to high bands
};

}  // namespace lmdm::plugin
