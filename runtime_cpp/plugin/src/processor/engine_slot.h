#pragma once

#include <atomic>

#include "instrument/engine.h"

namespace lmdm::plugin {

/// The way of an engine to the audio thread and back. It never owns one.
class EngineSlot {
 public:
  /// [control] Returns the engine that the audio thread did not take, or null.
  [[nodiscard]] Engine* offer(Engine* engine) noexcept { return offered_.exchange(engine, std::memory_order_acq_rel); }
  /// [audio] Null where there is none.
  [[nodiscard]] Engine* take() noexcept LMDM_NONBLOCKING {
    return offered_.load(std::memory_order_relaxed) == nullptr ? nullptr : offered_.exchange(nullptr, std::memory_order_acq_rel);
  }
  /// [audio]
  void give_back(Engine* engine) noexcept LMDM_NONBLOCKING {
    engine->beneath = pile_.load(std::memory_order_relaxed);
    // Fails only where the control thread has just emptied the pile.
    while (!pile_.compare_exchange_weak(engine->beneath, engine, std::memory_order_release, std::memory_order_relaxed)) {
    }
  }
  /// [control] The pile of those that were given back, by `Engine::beneath`.
  [[nodiscard]] Engine* collect() noexcept { return pile_.exchange(nullptr, std::memory_order_acquire); }

 private:
  std::atomic<Engine*> offered_{nullptr}, pile_{nullptr};
};

}  // namespace lmdm::plugin
