#include "engine/context_cache.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <set>
#include <string>
#include <vector>

#include "engine/float_io.h"
#include "engine/planar.h"
#include "engine/stateful_graph.h"

namespace lmdm {
namespace {

/// Ports of a graph that carry state: inputs X with an output X_out, and these outputs.
std::set<std::string> carried_ports(const GraphEntry& graph) {
  std::set<std::string> carried;
  for (const Port& port : graph.inputs)
    if (graph.output(port.name + "_out") != nullptr) carried.insert({port.name, port.name + "_out"});
  return carried;
}

/// New buffers for the ports of a graph that are neither in `elsewhere` nor state.
Buffers own_buffers(const GraphEntry& graph, Backend& backend, const Buffers& elsewhere) {
  const auto carried = carried_ports(graph);
  Buffers own;
  for (const auto* side : {&graph.inputs, &graph.outputs})
    for (const Port& port : *side)
      if (!elsewhere.contains(port.name) && !carried.contains(port.name)) own.emplace(port.name, backend.buffer(port));
  return own;
}

/// One set of buffers out of several; of two with one name the later counts.
Buffers joined(std::initializer_list<const Buffers*> parts) {
  Buffers whole;
  for (const Buffers* part : parts)
    for (const auto& [name, buffer] : *part) whole.insert_or_assign(name, buffer);
  return whole;
}

/// The encoder's inputs that come from the host: clean frames and controls.
class HostInputs {
 public:
  HostInputs(const Manifest& manifest, const Buffers& own) : rows_(static_cast<std::size_t>(manifest.model.latent_channels)) {
    clean_ = own.at("context");
    for (const Group& group : manifest.groups())
      controls_.push_back({group.name, static_cast<std::size_t>(group.channels), own.at("control_" + group.name)});
    frames_ = static_cast<std::size_t>(clean_->port().shape.back());
  }

  /// Writes the frames from `first` on, as many as the graph takes.
  void write(std::span<const float> clean, const ControlValues& history, std::size_t first) {
    write_part(*clean_, clean, rows_, first);
    for (const auto& control : controls_) write_part(*control.buffer, history.at(control.group), control.channels, first);
  }

 private:
  struct Control {
    std::string group;
    std::size_t channels;
    std::shared_ptr<Buffer> buffer;
  };

  void write_part(Buffer& buffer, std::span<const float> values, std::size_t rows, std::size_t first) {
    part_.resize(rows * frames_);
    copy_columns(values, rows, first, part_);
    write_floats(buffer, part_);
  }

  std::size_t rows_, frames_ = 0;
  std::shared_ptr<Buffer> clean_;
  std::vector<Control> controls_;
  std::vector<float> part_;
};

/// Algorithm 2: the whole context is encoded once a block, and nothing is kept.
class WindowContext final : public ContextCache {
 public:
  WindowContext(const Manifest& manifest, Backend& backend, const Buffers& cross, const Buffers& block)
      : own_(own_buffers(manifest.graphs.at("context_encoder"), backend, cross)), inputs_(manifest, own_) {
    encoder_ = backend.bind("context_encoder", joined({&cross, &own_}));
    decoder_ = backend.bind("cached_decoder", joined({&own_, &cross, &block}));
  }

  void encode(std::span<const float> clean, const ControlValues& history, bool) override {
    inputs_.write(clean, history, 0);
    encoder_->run();
  }
  void undo() noexcept override {}
  Binding& decoder() noexcept override { return *decoder_; }

 private:
  Buffers own_;
  HostInputs inputs_;
  std::unique_ptr<Binding> encoder_, decoder_;
};

/// Algorithm 3: only the newest block is encoded; raw keys and values of the newest `s` frames are carried from run to run.
class BlockContext final : public ContextCache {
 public:
  BlockContext(const Manifest& manifest, Backend& backend, const Buffers& cross, const Buffers& block)
      : context_(static_cast<std::size_t>(manifest.model.context)),
        block_(static_cast<std::size_t>(manifest.model.block)),
        own_(own_buffers(manifest.graphs.at("context_encoder"), backend, cross)),
        inputs_(manifest, own_),
        past_frames_(own_.at("past_frames")),
        encoder_(backend, manifest.graphs.at("context_encoder"), joined({&cross, &own_})) {
    for (std::size_t turn = 0; turn < decoders_.size(); ++turn)
      decoders_[turn] = backend.bind("cached_decoder", joined({&own_, &encoder_.side(turn), &cross, &block}));
  }

  void encode(std::span<const float> clean, const ControlValues& history, bool anew) override {
    if (anew) frames_ = 0;
    for (std::size_t start = anew ? 0 : context_ - block_; start < context_; start += block_) {
      inputs_.write(clean, history, start);
      const std::array<std::int64_t, 1> past{static_cast<std::int64_t>(frames_)};
      past_frames_->write_values<std::int64_t>(past);
      encoder_.run();
      before_ = frames_;
      frames_ = std::min(frames_ + block_, context_);
    }
  }
  void undo() noexcept override {
    encoder_.rewind();
    frames_ = before_;
  }
  Binding& decoder() noexcept override { return *decoders_[encoder_.turn()]; }

 private:
  std::size_t context_, block_;
  Buffers own_;
  HostInputs inputs_;
  std::shared_ptr<Buffer> past_frames_;
  StatefulGraph encoder_;
  std::array<std::unique_ptr<Binding>, 2> decoders_;
  std::size_t frames_ = 0, before_ = 0;  ///< of the cache that hold music, now and before the last run
};

}  // namespace

std::unique_ptr<ContextCache> make_context_cache(const Manifest& manifest, Backend& backend, const Buffers& cross, const Buffers& block) {
  if (manifest.model.pattern == Pattern::block_causal) return std::make_unique<BlockContext>(manifest, backend, cross, block);
  return std::make_unique<WindowContext>(manifest, backend, cross, block);
}

}  // namespace lmdm
