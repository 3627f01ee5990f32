#pragma once

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "instrument/builder.h"
#include "view/view.h"

namespace lmdm::plugin {

/// What the loader does and has found.
struct Loading {
  Condition condition = Condition::no_bundle;  ///< no_bundle, loading, ready or failed
  std::string sentence;
  double progress = 0;
  std::vector<double> layouts;  ///< seconds
  int layout = 0;
  std::filesystem::path folder;  ///< that the layouts were found in
};

/// Builds engines and takes them down, on a thread of its own, since both take long. The thread starts when something is wanted.
class Loader {
 public:
  using Deliver = std::function<void(std::unique_ptr<Engine>)>;

  /// `deliver` is called by the thread.
  Loader(std::unique_ptr<Builder> builder, Deliver deliver);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// For good: cancels what is being built, and ends the thread.
  void stop();
  /// Of several that wait the newest is built. Any thread, but the audio thread in real time.
  void want(const EngineSpec& spec, const Wishes& wishes);
  /// Until nothing is wanted any more.
  void wait();
  /// Engines that nobody plays any more.
  void take_down(std::vector<std::unique_ptr<Engine>> engines);
  /// Whether the newest want was served.
  [[nodiscard]] bool loaded() const;
  [[nodiscard]] Loading status() const;

 private:
  struct Want {
    EngineSpec spec;
    Wishes wishes;
  };

  void run();
  void serve(const Want& want);
  [[nodiscard]] std::filesystem::path find(const EngineSpec& spec);
  void begin();
  void report(Condition condition, double progress, const std::string& sentence);

  std::unique_ptr<Builder> builder_;
  Deliver deliver_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Want> wanted_;
  std::vector<std::unique_ptr<Engine>> old_;
  bool busy_ = false, stopping_ = false;
  Loading status_;
  std::string left_out_;  ///< of the thread
  std::thread thread_;
};

}  // namespace lmdm::plugin
