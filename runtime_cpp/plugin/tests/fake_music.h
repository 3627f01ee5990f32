#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "instrument/builder.h"
#include "lmdm/error.h"

namespace lmdm::plugin::test {

/// What fakes saw, and what a test tells them; shared, since they may live longer than the test looks.
struct FakeRecord {
  std::atomic<int> built{0}, destroyed{0}, resets{0}, restarts{0}, begun{0};
  std::atomic<bool> frozen{false}, cancelled{false};
  std::atomic<int> latency{1000};  ///< samples, of engines that are built from now on
  std::atomic<float> sound{0};     ///< what they play besides their input
  std::atomic<std::uint64_t> underruns{0};

  /// While it is held no engine is finished.
  void hold(bool on) {
    const std::scoped_lock lock(mutex);
    held = on;
    changed.notify_all();
  }
  void add(const Wishes& wishes) {
    const std::scoped_lock lock(mutex);
    followed.push_back(wishes);
  }
  [[nodiscard]] Wishes newest() {
    const std::scoped_lock lock(mutex);
    return followed.empty() ? Wishes{} : followed.back();
  }
  [[nodiscard]] EngineSpec spec() {
    const std::scoped_lock lock(mutex);
    return newest_spec;
  }

  std::mutex mutex;
  std::condition_variable changed;
  bool held = false;
  std::vector<Wishes> followed;
  EngineSpec newest_spec;
  std::string refusal;  ///< of the next engine, under the mutex
};

/// Answers with its input, a latency later, and a constant beside it.
class FakeMusic final : public Music {
 public:
  FakeMusic(std::shared_ptr<FakeRecord> record, const EngineSpec& spec)
      : record_(std::move(record)),
        latency_(record_->latency),
        sound_(record_->sound),
        lines_(static_cast<std::size_t>(spec.channels), std::vector<float>(static_cast<std::size_t>(latency_ + 8192))) {}
  ~FakeMusic() override { ++record_->destroyed; }

  void process(const float* const* input, const float* const* side, float* const* output, int channels, int frames) noexcept override {
    for (int channel = 0; channel < channels; ++channel) {
      std::vector<float>& line = lines_[static_cast<std::size_t>(channel)];
      for (int i = 0; i < frames; ++i) {
        const std::size_t now = position_ + static_cast<std::size_t>(i);
        line[now % line.size()] = input[channel][i] + (side == nullptr ? 0 : side[channel][i]);
        const auto late = static_cast<std::size_t>(latency_);
        output[channel][i] = now < late ? 0 : line[(now - late) % line.size()] + sound_;
      }
    }
    position_ += static_cast<std::size_t>(frames);
  }
  void set_frozen(bool frozen) noexcept override { record_->frozen = frozen; }
  [[nodiscard]] std::int64_t latency() const noexcept override { return latency_; }
  [[nodiscard]] LiveMetrics metrics() const noexcept override {
    LiveMetrics metrics;
    metrics.underruns = record_->underruns;
    return metrics;
  }
  void follow(const Wishes& wishes) override { record_->add(wishes); }
  void begin_again() override { ++record_->begun; }
  void restart() override {
    ++record_->restarts;
    position_ = 0;
  }
  [[nodiscard]] std::string failure() const override { return {}; }
  [[nodiscard]] std::string notice() const override { return {}; }
  [[nodiscard]] std::vector<BlockReport> take_reports() override { return {}; }

 private:
  std::shared_ptr<FakeRecord> record_;
  int latency_;
  float sound_;
  std::size_t position_ = 0;
  std::vector<std::vector<float>> lines_;
};

class FakeBuilder final : public Builder {
 public:
  explicit FakeBuilder(std::shared_ptr<FakeRecord> record) : record_(std::move(record)) {}

  std::unique_ptr<Engine> build(const std::filesystem::path& bundle, const EngineSpec& spec, const Wishes& wishes,
                                const Progress& progress) override {
    progress(0.5, "half way");
    std::unique_lock lock(record_->mutex);
    record_->changed.wait(lock, [this] { return !record_->held || record_->cancelled; });
    if (record_->cancelled) throw Error(ErrorKind::cancelled, "cancelled");
    if (!record_->refusal.empty()) throw Error(ErrorKind::session, std::exchange(record_->refusal, {}));
    record_->newest_spec = spec;
    lock.unlock();
    auto engine = std::make_unique<Engine>();
    engine->spec = spec;
    engine->facts.name = "fake";
    engine->facts.bundle = bundle;
    engine->facts.manifest_hash = "0123";
    engine->music = std::make_unique<FakeMusic>(record_, spec);
    engine->prepare();
    record_->add(wishes);
    ++record_->built;
    return engine;
  }
  void cancel() noexcept override {
    record_->cancelled = true;
    record_->changed.notify_all();
  }

 private:
  std::shared_ptr<FakeRecord> record_;
};

}  // namespace lmdm::plugin::test
