#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lmdm/array.h"
#include "lmdm/export.h"

/// The manifest of a bundle as typed data (docs/bundle.md).
namespace lmdm {

inline constexpr int format_version = 2;

struct LMDM_EXPORT GraphEntry {
  std::string name;
  std::string file;
  std::string sha256;
  std::vector<Port> inputs;
  std::vector<Port> outputs;

  /// The input or output of that name, or null.
  [[nodiscard]] const Port* input(const std::string& name) const noexcept;
  [[nodiscard]] const Port* output(const std::string& name) const noexcept;
};

struct FileEntry {
  std::string path;
  std::string sha256;
  std::uint64_t bytes = 0;
};

enum class StreamingKind { state, context };

/// How one direction of the codec runs over a stream without seams. All lengths in frames.
struct Streaming {
  StreamingKind kind = StreamingKind::state;
  int left = 0, right = 0, delay = 0, fade = 0;
  std::optional<std::string> states;  ///< file of the first values of carried state; zeros without it
};

enum class Pattern { encoder_decoder, block_causal };

/// Sizes of the network. `batch` is 2 with guidance (0 = prompt, 1 = null).
struct ModelEntry {
  Pattern pattern = Pattern::encoder_decoder;
  int context = 0, block = 0;  ///< frames
  std::optional<int> window_chunks;
  int latent_channels = 0, width = 0, depth = 0, heads = 0, head_width = 0;
  std::vector<double> rotary_inv_freq;
  int text_tokens = 0, text_width = 0, batch = 1;
  std::int64_t parameters = 0;
  bool cached_target_sees_all = false;
};

struct CodecEntry {
  std::string kind;
  int sample_rate = 0;  ///< Hz
  int audio_channels = 0;
  int frame_size = 0;  ///< samples of one channel
  Streaming encoder, decoder;
};

struct TextEntry {
  std::string kind;       ///< "small" or "t5"
  std::string tokenizer;  ///< file
  int tokens = 0;
  bool lowercase = false;
};

enum class Guidance { none, cfg, cfg_plus_plus };

struct SamplingEntry {
  std::string solver;
  std::vector<double> schedule;  ///< falls from at most 1 to exactly 0
  Guidance guidance = Guidance::none;
  double guidance_scale = 1;
  int context_drop = 0;  ///< frames
  std::optional<double> seconds_total;
  double logsnr_start = -6, logsnr_end = 2;
};

/// A group of the additive input: the graphs take it as `control_NAME`.
struct Group {
  std::string name;
  int channels = 0;
};

enum class ControlSource { sketch, accompaniment, caller };

enum class AxisUnit { decibel, hertz };

/// What the channels of a sketch's group after its presence stand for; `values` rise.
struct Axis {
  AxisUnit unit = AxisUnit::decibel;
  std::vector<double> values;
};

/// One local control. Where it is absent its groups are zero.
struct ControlEntry {
  std::string kind;
  ControlSource source = ControlSource::caller;
  std::vector<Group> groups;
  std::optional<int> presence;  ///< sketch: the channel that is 1 where the control is given
  std::optional<int> cutoff;    ///< accompaniment: frames from the window's start that may be seen
  std::optional<int> t_f;       ///< accompaniment: cutoff - context
  std::optional<Axis> axis;     ///< sketch: without it nobody can draw the control by hand
};

/// The graph `sketch`: lengths of its smoothing in frames, in the order of its input, and the default.
struct SketchEntry {
  std::vector<int> medians;
  int median = 1;
  std::string states;
};

struct Fixture {
  std::string file;
  std::map<std::string, double> tolerance;  ///< numbers of the fixture's tolerance, nested keys joined by "."
};

/// The precision of a variant's network: `parity` is its share of another seed's distance from float32, `budget` what was allowed.
/// `graphs` were converted; in them the parts `islands` and the matrices `kept` are float32.
struct Precision {
  std::string kind;
  std::vector<std::string> islands, kept, graphs;
  double budget = 0, parity = 0;
};

/// Everything a runtime knows of an instrument.
struct LMDM_EXPORT Manifest {
  std::string name;
  ModelEntry model;
  CodecEntry codec;
  std::optional<TextEntry> text;
  SamplingEntry sampling;
  std::vector<ControlEntry> controls;
  std::optional<SketchEntry> sketch;
  std::map<std::string, GraphEntry> graphs;
  std::vector<FileEntry> files;
  std::map<std::string, Fixture> fixtures;
  std::optional<Precision> precision;  ///< none for float32
  std::string document;  ///< the JSON as it was read

  /// Every group of every control.
  [[nodiscard]] std::vector<Group> groups() const;
};

}  // namespace lmdm
