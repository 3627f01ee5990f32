#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "instrument/live_music.h"
#include "instrument/loader.h"
#include "processor/engine_slot.h"
#include "processor/journal.h"
#include "processor/knobs.h"
#include "processor/load_watch.h"
#include "processor/pictures.h"
#include "processor/session.h"

namespace lmdm::plugin {

/// What the host gives the plugin to play in.
struct Venue {
  HostFormat format;
  bool side = false;     ///< the side-chain is connected
  bool offline = false;  ///< the host renders faster than real time, or slower
};

/// What the conductor knows of what plays.
struct Performance {
  Loading loading;
  Facts facts;
  bool overloaded = false;
  LiveMetrics metrics;
  std::string failure;
  std::string notice;  ///< of an instrument that has changed since the session was saved, or of a prompt that is not read to its end
};

/// The control thread of every engine: hands over what the parameters, the pedal and the editor ask for, has engines built where that is
/// not enough, and takes the old ones down.
///
/// In real time it looks every 10 ms. Offline it is the audio thread itself that comes by, so that a render is the same every time.
class Conductor {
 public:
  /// `changed` is called where the latency to be reported may have changed, by any thread but the audio thread in
  /// real time.
  Conductor(const Knobs& knobs, Session& session, std::unique_ptr<Builder> builder, std::function<void()> changed);
  ~Conductor();
  /// Ends its threads; `changed` is not called any more.
  void stop();
  Conductor(const Conductor&) = delete;
  Conductor& operator=(const Conductor&) = delete;

  /// Before `process` runs, which must not run meanwhile. Returns the engine to begin with, or null where it will come by the slot. Waits
  /// for it offline, and where the instrument has been loaded before.
  [[nodiscard]] Engine* prepare(const Venue& venue);
  /// [audio] Whether the host renders.
  void set_offline(bool offline) noexcept { offline_.store(offline, std::memory_order_relaxed); }
  /// [audio] Offline only: what has changed takes effect with the next piece.
  void hand_over();
  /// [audio] The piece begins again.
  void begin_again() noexcept { begin_again_.store(true, std::memory_order_relaxed); }
  /// [audio] Offline only: time begins again.
  void restart();

  /// There is another choice of instrument: of a person, perhaps of the same one again, or of a session that was restored.
  void chosen();
  /// The piece begins again, and what could not be loaded is tried again.
  void try_again();
  /// Of the newest engine, as the host is to be told. Any thread.
  [[nodiscard]] int latency() const noexcept { return latency_.load(std::memory_order_relaxed); }
  [[nodiscard]] Performance performance() const;

  EngineSlot slot;
  Pictures pictures;

 private:
  void run();
  void look();
  void deliver(std::unique_ptr<Engine> engine);
  /// These are under the mutex.
  [[nodiscard]] EngineSpec wanted_spec() const;
  void want();
  void follow();
  void collect(Engine* pile);
  void keep_only(const Engine* kept);
  void update_latency();
  void write_journal();
  [[nodiscard]] Engine* heard() const;

  const Knobs& knobs_;
  Session& session_;
  std::function<void()> changed_;
  std::atomic<bool> offline_{false}, begin_again_{false};
  std::atomic<int> latency_{0};

  mutable std::mutex mutex_;
  std::condition_variable waking_;
  bool stopping_ = false;
  std::optional<Venue> venue_;
  std::optional<EngineSpec> wanted_;
  Wishes wanted_wishes_;
  std::vector<std::unique_ptr<Engine>> engines_;  ///< the newest last
  Journal journal_;
  LoadWatch load_;
  std::string notice_;

  std::thread thread_;
  Loader loader_;  ///< destroyed first: its thread delivers here
};

}  // namespace lmdm::plugin
