#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lmdm/manifest.h"

namespace lmdm {

/// A prompt as the text encoder reads it.
struct Tokens {
  std::vector<std::int64_t> ids;  ///< padded with 0
  std::vector<float> mask;        ///< 1 on real tokens
  std::size_t pieces = 0;         ///< of the whole prompt
  std::string read;               ///< what is left of a prompt that was too long; empty where all of it was read
};

/// Sentencepiece pieces, then end of sentence, then padding with id 0: `tokens` ids a prompt. Safe for use from several threads.
class Tokenizer {
 public:
  /// Throws Error(bundle): the file is no sentencepiece model, or one without an end-of-sentence piece.
  Tokenizer(const std::filesystem::path& model, int tokens, bool lowercase);
  ~Tokenizer();
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;

  /// A long prompt loses its end, and never the end-of-sentence piece. Bytes that are not UTF-8 are read as U+FFFD.
  [[nodiscard]] Tokens operator()(std::string_view prompt) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lmdm
