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
  void next(std::span<const float> input, std::span<float> audio) override;
  [[nodiscard]] Timings timings() const noexcept override { return generator_.timings(); }
  void cancel() noexcept override { generator_.cancel(); }
  void resume() noexcept override { generator_.resume(); }

 private:
  void feed(std::span<const float> input);

  Generator generator_;
  InputRole role_;
  bool prompted_ = false;
  bool fed_ = false;  ///< what lies ahead of the next block has been fed already
  std::vector<float> newest_;
};

}  // namespace lmdm::live
