#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "lmdm/array.h"
#include "lmdm/export.h"

/// The interface of a backend: named buffers that live where the device is, and graphs bound to them once.
namespace lmdm {

/// Memory of one fixed shape and type. A graph writes it as an output, another reads it as an input, and nothing is copied.
class LMDM_EXPORT Buffer {
 public:
  explicit Buffer(Port port) : port_(std::move(port)) {}
  virtual ~Buffer() = default;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  [[nodiscard]] const Port& port() const noexcept { return port_; }
  /// Where the memory is, on the device; never changes.
  [[nodiscard]] virtual void* address() const noexcept = 0;
  /// Copies host values in; exactly `port().bytes()`.
  virtual void write(std::span<const std::byte> values) = 0;
  /// Copies the values to the host; exactly `port().bytes()`.
  virtual void read(std::span<std::byte> values) const = 0;

  template <class T>
  void write_values(std::span<const T> values) {
    write(std::as_bytes(values));
  }
  template <class T>
  void read_values(std::span<T> values) const {
    read(std::as_writable_bytes(values));
  }

 private:
  Port port_;
};

using Buffers = std::map<std::string, std::shared_ptr<Buffer>>;

/// A graph with a buffer at every input and output.
class LMDM_EXPORT Binding {
 public:
  Binding() = default;
  virtual ~Binding() = default;
  Binding(const Binding&) = delete;
  Binding& operator=(const Binding&) = delete;

  /// One run; returns when the outputs are written. Throws Error(runtime): the graph failed; Error(cancelled): see `Backend::cancel`.
  virtual void run() = 0;
};

/// Loads the graphs of one bundle. Used by one thread at a time, but for `cancel`.
class LMDM_EXPORT Backend {
 public:
  Backend() = default;
  virtual ~Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  /// Such as "onnxruntime 1.31.1, CPUExecutionProvider".
  [[nodiscard]] virtual std::string name() const = 0;
  /// A new buffer of zeros.
  [[nodiscard]] virtual std::shared_ptr<Buffer> buffer(const Port& port) = 0;
  /// The graph with its inputs and outputs at `buffers`, by port name; names that the graph does not have are ignored.
  /// Throws Error(bundle): the graph does not load, or disagrees with the manifest; Error(runtime): a port has no buffer, or one of
  /// another shape or type.
  [[nodiscard]] virtual std::unique_ptr<Binding> bind(const std::string& graph, const Buffers& buffers) = 0;
  /// Ends the run that is under way, if any, and every later one, with Error(cancelled), until `resume`. From any thread.
  virtual void cancel() noexcept = 0;
  virtual void resume() noexcept = 0;
};

}  // namespace lmdm
