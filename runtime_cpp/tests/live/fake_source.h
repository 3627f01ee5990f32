#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "live/source.h"
#include "lmdm/error.h"

namespace lmdm::live::test {

/// What a FakeSource saw, shared with the test; and a gate at which a block waits.
class Record {
 public:
  void hold() { set(true); }
  void release() { set(false); }
  /// Waits while the gate is closed. Throws Error(cancelled) as a Generator does.
  void pass() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !held_ || cancelled_; });
    --waiting_;
    if (cancelled_) throw Error(ErrorKind::cancelled, "cancelled");
  }
  void await_waiting() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return waiting_ > 0; });
  }
  void cancel(bool cancelled) noexcept {
    const std::scoped_lock lock(mutex_);
    cancelled_ = cancelled;
    changed_.notify_all();
  }
  void add(const Request& request) {
    const std::scoped_lock lock(mutex_);
    requests_.push_back(request);
  }
  [[nodiscard]] std::vector<Request> requests() const {
    const std::scoped_lock lock(mutex_);
    return requests_;
  }
  std::atomic<int> made{0}, resets{0};
  std::atomic<bool> alive{true}, frozen{false};

 private:
  void set(bool held) {
    const std::scoped_lock lock(mutex_);
    held_ = held;
    changed_.notify_all();
  }
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Request> requests_;
  int waiting_ = 0;
  bool held_ = false, cancelled_ = false;
};

/// A source whose blocks a test makes: `make(block, input, audio)`, block counted from the last reset.
class FakeSource final : public Source {
 public:
  using Make = std::function<void(std::int64_t, std::span<const float>, std::span<float>)>;

  FakeSource(const SourceFormat& format, Make make, std::shared_ptr<Record> record = std::make_shared<Record>())
      : format_(format), make_(std::move(make)), record_(std::move(record)) {}
  ~FakeSource() override { record_->alive = false; }

  [[nodiscard]] SourceFormat format() const override { return format_; }
  void require_ready() override {}
  void apply(const Request& request) override {
    const auto* control = std::get_if<ControlRequest>(&request);
    if (control != nullptr && control->group == "unknown") throw Error(ErrorKind::session, "no control of that name");
    record_->add(request);
  }
  void reset() override {
    block_ = 0;
    ++record_->resets;
  }
  void freeze(bool frozen) override { record_->frozen = frozen; }
  void next(std::span<const float> input, std::span<float> audio) override {
    record_->pass();
    make_(block_++, input, audio);
    ++record_->made;
  }
  [[nodiscard]] Timings timings() const noexcept override { return {}; }
  [[nodiscard]] Followed followed() const override { return {1, {{"block", {static_cast<float>(block_ - 1)}}}}; }
  void cancel() noexcept override { record_->cancel(true); }
  void resume() noexcept override { record_->cancel(false); }

 private:
  SourceFormat format_;
  Make make_;
  std::shared_ptr<Record> record_;
  std::int64_t block_ = 0;
};

/// Answers with its input, `format.delay` samples late.
inline std::unique_ptr<FakeSource> echo(const SourceFormat& format, std::shared_ptr<Record> record = std::make_shared<Record>()) {
  auto held = std::make_shared<std::vector<std::vector<float>>>(static_cast<std::size_t>(format.channels));
  const auto make = [format, held](std::int64_t block, std::span<const float> input, std::span<float> audio) {
    const std::size_t length = format.block + format.lookahead;
    for (std::size_t channel = 0; channel < held->size(); ++channel) {
      std::vector<float>& line = (*held)[channel];
      if (block == 0) line.assign(format.delay, 0.0F);
      const auto from = input.subspan(channel * length, format.block);
      line.insert(line.end(), from.begin(), from.end());
      std::copy_n(line.begin(), format.block, audio.begin() + static_cast<std::ptrdiff_t>(channel * format.block));
      line.erase(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(format.block));
    }
  };
  return std::make_unique<FakeSource>(format, make, std::move(record));
}

/// Every sample is `value`.
inline FakeSource::Make constant(float value) {
  return [value](std::int64_t, std::span<const float>, std::span<float> audio) { std::ranges::fill(audio, value); };
}

inline SourceFormat format_of(std::size_t block, int rate = 44100, int channels = 2, int inputs = 1) {
  SourceFormat format;
  format.sample_rate = rate;
  format.channels = channels;
  format.block = block;
  format.inputs = inputs;
  return format;
}

}  // namespace lmdm::live::test
