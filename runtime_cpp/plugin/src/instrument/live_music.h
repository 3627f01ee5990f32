#pragma once

#include <optional>

#include "instrument/music.h"
#include "lmdm/generator.h"

namespace lmdm::plugin {

struct HostFormat {
  double rate = 0;  ///< Hz
  int channels = 2, largest_block = 0;
};

/// A bundle that plays, in a LiveProcessor.
class LiveMusic final : public Music {
 public:
  /// `hears_side`: the input of the music is the side-chain.
  /// Throws Error(session): the generator cannot do what is asked.
  LiveMusic(Generator generator, const LiveOptions& options, bool hears_side, const Wishes& wishes, const HostFormat& host);

  void process(const float* const* input, const float* const* side, float* const* output, int channels,
               int frames) noexcept LMDM_NONBLOCKING override;
  void set_frozen(bool frozen) noexcept LMDM_NONBLOCKING override;
  [[nodiscard]] std::int64_t latency() const noexcept LMDM_NONBLOCKING override;
  [[nodiscard]] LiveMetrics metrics() const noexcept LMDM_NONBLOCKING override;
  void follow(const Wishes& wishes) override;
  void begin_again() override;
  void restart() override;
  [[nodiscard]] std::string failure() const override;
  [[nodiscard]] std::string notice() const override;
  [[nodiscard]] std::vector<BlockReport> take_reports() override;

 private:
  void follow_prompts(const Wishes& wishes);
  void follow_tuning(const Wishes& wishes);
  void follow_sketch(const Wishes& wishes);

  HostFormat host_;
  int context_;
  std::optional<double> guidance_;  ///< the bundle's own, where there is any
  bool hears_side_;
  std::vector<std::string> kinds_;  ///< of sketch controls
  LiveProcessor processor_;
  std::optional<Wishes> followed_;
};

}  // namespace lmdm::plugin
