#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/mix.h"
#include "engine/tokenizer.h"
#include "lmdm/backend.h"
#include "lmdm/bundle.h"
#include "lmdm/manifest.h"

namespace lmdm {

/// Runs text encoder and conditioner: a mix of prompts becomes the cross-attention keys and values that blocks are made with.
class Conditioning {
 public:
  /// `backend` must outlive the conditioning; `seconds` is what the conditioner is told of the piece's length.
  Conditioning(const Bundle& bundle, Backend& backend, double seconds);

  /// cross_k_NN, cross_v_NN and global_embed, written in place by `apply`.
  [[nodiscard]] const Buffers& buffers() const noexcept { return buffers_; }
  /// Uses an embedding [text_tokens, text_width] that was made elsewhere for a prompt.
  /// Throws Error(session): wrong shape, or values that are not finite.
  void give(const std::string& prompt, std::span<const float> embedding);
  /// Throws Error(session): a prompt without embedding in a bundle without text encoder.
  void require_known(const Mix& mix) const;
  /// Writes the keys and values of the sum of weight * embedding over those of the mix before.
  void apply(const Mix& mix);
  /// What was not read of the newest prompt that was too long, as a sentence; empty where all was read.
  [[nodiscard]] const std::string& notice() const noexcept { return notice_; }

 private:
  [[nodiscard]] std::span<const float> embedding(const std::string& prompt);
  [[nodiscard]] std::vector<float> encoded(const std::string& prompt);

  std::map<std::string, std::shared_ptr<Buffer>> inputs_, text_;
  Buffers buffers_;
  std::unique_ptr<Binding> conditioner_, encoder_;
  std::optional<Tokenizer> tokenizer_;
  std::map<std::string, std::vector<float>> given_;
  std::deque<std::pair<std::string, std::vector<float>>> remembered_;  ///< the oldest first
  std::vector<float> mixed_;
  std::string notice_;
};

}  // namespace lmdm
