#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/codec_stream.h"
#include "engine/conditioning.h"
#include "engine/context_cache.h"
#include "engine/controls.h"
#include "engine/guidance.h"
#include "engine/mix.h"
#include "engine/settings.h"
#include "engine/solvers.h"
#include "lmdm/generator.h"

namespace lmdm {

/// What a Generator does. It plays the graphs of `bundle` by what `manifest` says, which a validation may have altered.
class Session {
 public:
  Session(const Bundle& bundle, Manifest manifest, std::shared_ptr<Backend> backend, const GeneratorOptions& options);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  [[nodiscard]] const Manifest& manifest() const noexcept { return manifest_; }
  [[nodiscard]] std::size_t block_samples() const noexcept;
  [[nodiscard]] std::size_t delay_samples() const noexcept;
  [[nodiscard]] std::uint64_t block_index() const noexcept { return index_; }
  [[nodiscard]] std::span<const float> latent_block() const noexcept { return newest_; }
  [[nodiscard]] const Timings& timings() const noexcept { return timings_; }
  [[nodiscard]] const std::string& notice() const noexcept { return conditioning_.notice(); }
  [[nodiscard]] Controls& controls() noexcept { return controls_; }
  [[nodiscard]] Backend& backend() noexcept { return *backend_; }

  /// What the newest block followed of a group; empty before the first. Throws Error(session): unknown group.
  [[nodiscard]] std::span<const float> followed(const std::string& group) const;

  void reset();
  void tune(const Tuning& tuning);
  void set_prompts(std::span<const WeightedPrompt> mix);
  void set_embedding(const std::string& prompt, std::span<const float> embedding);
  [[nodiscard]] std::vector<float> prime(std::span<const float> audio);
  /// Makes the next block [C, o]; with room for its audio [channels, block_samples] it is decoded too. A block that fails has not been
  /// made: the next call makes the same one.
  void next(std::span<float> audio);

 private:
  class Steps;

  /// Conditions the block on the prompts; whether the dominant one has just changed, which drops the oldest context once.
  bool enter();
  void sample();
  /// Of which block the one that is made now has the noise.
  [[nodiscard]] std::uint64_t noise_block() const noexcept;
  void commit();

  Bundle bundle_;
  Manifest manifest_;
  std::shared_ptr<Backend> backend_;
  Settings settings_;
  std::size_t rows_, block_, context_;  ///< latent channels, and frames
  Guide guide_;
  std::unique_ptr<Solver> solver_;
  Controls controls_;
  Conditioning conditioning_;
  Buffers ports_;  ///< the cached decoder's x, t, velocity and control_NAME
  std::unique_ptr<ContextCache> cache_;
  StreamDecoder decoder_;
  std::optional<StreamEncoder> encoder_;  ///< made by the first `prime`

  Mix mix_;                              ///< of the next block; empty before the first prompt
  Mix applied_;                          ///< what the conditioner ran on last
  std::optional<std::string> dominant_;  ///< of the last block
  std::vector<float> clean_;             ///< the context [C, s]
  std::vector<float> made_;              ///< the block that is made now [C, o]
  std::vector<float> newest_;            ///< the last whole block; empty before the first
  ControlValues following_, followed_;   ///< of the block that is made now, and of the last whole one
  std::vector<float> velocity_;          ///< [batch, C, o]
  std::uint64_t index_ = 0;
  std::uint64_t noise_index_ = 0;  ///< block of which the newest one has the noise
  bool cached_ = false;            ///< what the cache kept goes with `clean_`
  Timings timings_;
};

}  // namespace lmdm
