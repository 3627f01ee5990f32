#include "engine/tokenizer.h"

#include <sentencepiece_processor.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "engine/lowercase.h"
#include "engine/utf8.h"
#include "lmdm/error.h"

namespace lmdm {

struct Tokenizer::State {
  sentencepiece::SentencePieceProcessor pieces;
  std::size_t tokens;
  bool lowercase;
};

namespace {

bool load(const std::filesystem::path& path, sentencepiece::SentencePieceProcessor& pieces) {
  std::ifstream file(path, std::ios::binary);
  const std::string content{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  return file.is_open() && pieces.LoadFromSerializedProto(content).ok();
}

}  // namespace

Tokenizer::Tokenizer(const std::filesystem::path& model, int tokens, bool lowercase) : state_(std::make_unique<State>()) {
  state_->tokens = static_cast<std::size_t>(std::max(tokens, 1));
  state_->lowercase = lowercase;
  if (!load(model, state_->pieces)) {
    throw Error(ErrorKind::bundle, model.string() + " is no sentencepiece model; export the checkpoint again with lmdm export");
  }
  if (state_->pieces.eos_id() < 0) {
    throw Error(ErrorKind::bundle, model.string() + " has no end-of-sentence piece; train the tokenizer with eos_id=1 and pad_id=0");
  }
}

Tokenizer::~Tokenizer() = default;
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;

Tokens Tokenizer::operator()(std::string_view prompt) const {
  const std::u32string text = from_utf8(prompt);
  const std::string read = to_utf8(state_->lowercase ? lmdm::lowercase(text) : text);
  std::vector<int> pieces;
  if (!state_->pieces.Encode(read, &pieces).ok()) {
    throw Error(ErrorKind::runtime, "the tokenizer cannot read the prompt; run lmdm validate on the bundle");
  }
  Tokens made{std::vector<std::int64_t>(state_->tokens), std::vector<float>(state_->tokens), pieces.size(), {}};
  if (pieces.size() >= state_->tokens) {
    pieces.resize(state_->tokens - 1);
    if (!state_->pieces.Decode(pieces, &made.read).ok()) {
      made.read.clear();
    }
  }
  pieces.push_back(state_->pieces.eos_id());
  std::copy(pieces.begin(), pieces.end(), made.ids.begin());
  std::fill_n(made.mask.begin(), pieces.size(), 1.0f);
  return made;
}

}  // namespace lmdm
