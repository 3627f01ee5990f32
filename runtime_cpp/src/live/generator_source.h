#pragma once

#include "live/source.h"
#include "lmdm/generator.h"
#include "lmdm/live_processor.h"

namespace lmdm::live {

/// A Generator, fed with the host's input in the given role.
class GeneratorSource final : public Source {
 public:
  /// Throws Error(session): the bundle has no control for the role.
  GeneratorSource(Generator generator, InputRole role);

  [[nodiscard]] SourceFormat format() const override;
  void require_ready() override;
  void apply(const Request& request) override;
  void reset() override;
  void freeze(bool frozen) override;
  void next(std::span<const float> input, std::span<float> audio) override;
  [[nodiscard]] std::string notice() const override { return generator_.notice(); }
  [[nodiscard]] Timings timings() const noexcept override { return generator_.timings(); }
  [[nodiscard]] Followed followed() const override;
  void cancel() noexcept override { generator_.cancel(); }
  void resume() noexcept override { generator_.resume(); }

 private:
  /// Applies what it can. Throws Error(session) with the first refusal.
  void tune(const Tuning& tuning);
  void hold_noise();
  void feed(std::span<const float> input);
  [[nodiscard]] std::span<const float> part(std::span<const float> input, std::size_t bus, std::size_t from, std::size_t count);

  Generator generator_;
  InputRole role_;
  bool prompted_ = false;
  bool fed_ = false;                    ///< what lies ahead of the next block has been fed already
  bool held_ = false, frozen_ = false;  ///< the noise, by a tuning and by a freeze
  std::vector<float> part_;
};

}  // namespace lmdm::live
