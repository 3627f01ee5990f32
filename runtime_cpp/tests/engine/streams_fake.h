#pragma once

#include <cstddef>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "lmdm/backend.h"
#include "lmdm/error.h"
#include "lmdm/manifest.h"

/// A backend without ONNX Runtime: a graph is a function of its buffers.
namespace lmdm::fake {

class HostBuffer : public Buffer {
 public:
  explicit HostBuffer(const Port& port) : Buffer(port), data_(port.bytes()) {}
  [[nodiscard]] void* address() const noexcept override { return const_cast<std::byte*>(data_.data()); }
  void write(std::span<const std::byte> values) override {
    if (values.size() != data_.size()) throw std::logic_error("a write of another size into " + port().name);
    std::memcpy(data_.data(), values.data(), data_.size());
  }
  void read(std::span<std::byte> values) const override {
    if (values.size() != data_.size()) throw std::logic_error("a read of another size from " + port().name);
    std::memcpy(values.data(), data_.data(), data_.size());
  }
  [[nodiscard]] std::span<float> floats() { return {reinterpret_cast<float*>(data_.data()), data_.size() / sizeof(float)}; }

 private:
  std::vector<std::byte> data_;
};

/// The float values of a port of the graph that runs.
using Values = std::function<std::span<float>(const std::string&)>;
using Function = std::function<void(const Values&)>;

class FunctionBackend : public Backend {
 public:
  std::map<std::string, Function> graphs;
  int runs = 0;
  bool fails = false;  ///< the next run throws, before it writes anything

  [[nodiscard]] std::string name() const override { return "functions"; }
  [[nodiscard]] std::shared_ptr<Buffer> buffer(const Port& port) override { return std::make_shared<HostBuffer>(port); }
  [[nodiscard]] std::unique_ptr<Binding> bind(const std::string& graph, const Buffers& buffers) override {
    return std::make_unique<Bound>(*this, graphs.at(graph), buffers);
  }
  void cancel() noexcept override { fails = true; }
  void resume() noexcept override { fails = false; }

 private:
  class Bound : public Binding {
   public:
    Bound(FunctionBackend& owner, Function function, Buffers buffers)
        : owner_(owner), function_(std::move(function)), buffers_(std::move(buffers)) {}
    void run() override {
      if (std::exchange(owner_.fails, false)) throw Error(ErrorKind::cancelled, "cancelled");
      ++owner_.runs;
      function_([this](const std::string& name) { return dynamic_cast<HostBuffer&>(*buffers_.at(name)).floats(); });
    }

   private:
    FunctionBackend& owner_;
    Function function_;
    Buffers buffers_;
  };
};

constexpr int channels = 2, rows = 2, context = 4, block = 3, frame = 4;

/// Two channels, two latent channels, layout 4/3, frames of 4 samples; codec graphs carry state unless a test says otherwise.
inline Manifest manifest() {
  Manifest made;
  made.name = "fake";
  made.model.context = context;
  made.model.block = block;
  made.model.latent_channels = rows;
  made.codec.sample_rate = 8;
  made.codec.audio_channels = channels;
  made.codec.frame_size = frame;
  return made;
}

inline Port port(const std::string& name, Shape shape) {
  return {name, std::move(shape), DType::float32};
}

inline void add_graph(Manifest& manifest, const std::string& name, std::vector<Port> inputs, std::vector<Port> outputs) {
  manifest.graphs[name] = {name, name + ".onnx", "", std::move(inputs), std::move(outputs)};
}

inline Array array(const Shape& shape, const std::vector<float>& values) {
  Array made{DType::float32, shape, std::vector<std::byte>(values.size() * sizeof(float))};
  std::memcpy(made.data.data(), values.data(), made.data.size());
  return made;
}

/// Values that are all different, [rows, count]: row r holds r + 1, r + 1.01, ...
inline std::vector<float> numbered(std::size_t lines, std::size_t count) {
  std::vector<float> made;
  for (std::size_t line = 0; line < lines; ++line) {
    for (std::size_t i = 0; i < count; ++i) made.push_back(static_cast<float>(line + 1) + 0.01F * static_cast<float>(i));
  }
  return made;
}

/// Columns first to first + count of [lines, n].
inline std::vector<float> columns(std::span<const float> from, std::size_t lines, std::size_t first, std::size_t count) {
  const std::size_t length = from.size() / lines;
  std::vector<float> made;
  for (std::size_t line = 0; line < lines; ++line) {
    for (std::size_t i = 0; i < count; ++i) made.push_back(from[line * length + first + i]);
  }
  return made;
}

/// Parts [lines, n] one behind the other.
inline std::vector<float> joined(const std::vector<std::vector<float>>& parts, std::size_t lines) {
  std::vector<float> made;
  for (std::size_t line = 0; line < lines; ++line) {
    for (const auto& part : parts) {
      const std::size_t length = part.size() / lines;
      made.insert(made.end(), part.begin() + static_cast<std::ptrdiff_t>(line * length),
                  part.begin() + static_cast<std::ptrdiff_t>((line + 1) * length));
    }
  }
  return made;
}

/// The sentence of the Error of `kind` that `act` throws.
template <class Act>
std::string refusal(ErrorKind kind, Act&& act) {
  try {
    act();
  } catch (const Error& error) {
    return error.kind() == kind ? error.what() : std::string("an error of another kind: ") + error.what();
  }
  return "nothing was refused";
}

}  // namespace lmdm::fake
