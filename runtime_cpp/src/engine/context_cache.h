#pragma once

#include <memory>
#include <span>

#include "engine/control_values.h"
#include "lmdm/backend.h"
#include "lmdm/manifest.h"

/// Keys and values of the clean context: encoded whole for every block (Algorithm 2), or block by block into a cache (Algorithm 3).
namespace lmdm {

/// Encodes the clean context into buffers that the cached decoder, bound here too, reads where they are.
class ContextCache {
 public:
  ContextCache() = default;
  virtual ~ContextCache() = default;
  ContextCache(const ContextCache&) = delete;
  ContextCache& operator=(const ContextCache&) = delete;

  /// Takes the clean context [C, s] and its controls by group, [channels, s]; `anew` forgets what was kept of earlier blocks.
  /// Where it throws, what was kept is as before, unless `anew`.
  virtual void encode(std::span<const float> clean, const ControlValues& history, bool anew) = 0;
  /// As if the last `encode`, which was not anew, had not been. Once at most, and only before the next one.
  virtual void undo() noexcept = 0;
  /// The cached decoder on what was encoded last.
  [[nodiscard]] virtual Binding& decoder() noexcept = 0;
};

/// The cache for the manifest's pattern. `cross` holds what the conditioner writes, `block` the decoder's other inputs and its output,
/// both by port name. `backend` must outlive the cache.
[[nodiscard]] std::unique_ptr<ContextCache> make_context_cache(const Manifest& manifest, Backend& backend, const Buffers& cross,
                                                               const Buffers& block);

}  // namespace lmdm
