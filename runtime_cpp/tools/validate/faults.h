#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/stateful_graph.h"
#include "lmdm/backend.h"
#include "lmdm/bundle.h"
#include "lmdm/manifest.h"

/// Faults made on purpose, between a session and its backend: what each step of the validation must catch.
namespace lmdm::validate {

/// One run of the faulty graph: `healthy` is the run without the fault on what the buffers hold.
using Run = std::function<void(const std::function<void()>& healthy, const Buffers& buffers)>;

/// A fault in the runs of `graph`, in the noise, or in what the manifest says.
struct Fault {
  std::string name;
  std::string graph;
  std::function<Run()> make;  ///< the fault in its first state, as some remember earlier runs
  std::uint64_t seed_offset = 0;
  std::function<void(Manifest&)> alter;

  /// The manifest that the faulty session plays by.
  [[nodiscard]] Manifest altered(Manifest manifest) const;
  /// `backend`, one of whose graphs has the fault.
  [[nodiscard]] std::shared_ptr<Backend> wrap(std::shared_ptr<Backend> backend) const;
};

/// Faults of the self-attention cache, seen by one run of the decoder.
[[nodiscard]] std::vector<Fault> cache_faults(const Manifest& manifest);
/// Faults that one run of the graph `sketch` shows; none for a bundle without it.
[[nodiscard]] std::vector<Fault> sketch_faults(const Bundle& bundle);
/// A sketch whose windows overlap where they should meet, which drifts and shows after some blocks.
[[nodiscard]] std::optional<Fault> hop_fault(const Manifest& manifest);
/// An accompaniment that is seen one frame less, which a first block shows.
[[nodiscard]] std::optional<Fault> cutoff_fault(const Manifest& manifest);
[[nodiscard]] Fault noise_fault();
[[nodiscard]] Fault prompt_fault(const Manifest& manifest);
[[nodiscard]] Fault drop_fault();
/// The codec decoder forgets: its state where it carries one, else the frames before the block.
[[nodiscard]] Fault decoder_fault(const Manifest& manifest, const States& first);
/// No fault: a few float32 roundings in every step, which is what rounding looks like to a closed loop.
[[nodiscard]] Fault disturbance();

}  // namespace lmdm::validate
