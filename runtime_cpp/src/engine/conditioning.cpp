#include "engine/conditioning.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "engine/float_io.h"
#include "engine/spelling.h"
#include "lmdm/error.h"

namespace lmdm {
namespace {

constexpr std::size_t most_remembered = 64;
constexpr std::size_t most_spelled = 60;

}  // namespace

Conditioning::Conditioning(const Bundle& bundle, Backend& backend, double seconds) {
  const Manifest& manifest = bundle.manifest();
  const GraphEntry& conditioner = bundle.graph("conditioner");
  for (const Port& port : conditioner.inputs) inputs_.emplace(port.name, backend.buffer(port));
  for (const Port& port : conditioner.outputs) buffers_.emplace(port.name, backend.buffer(port));
  if (const auto found = inputs_.find("seconds"); found != inputs_.end()) {
    const std::array<float, 1> value{static_cast<float>(seconds)};
    write_floats(*found->second, value);
  }
  Buffers bound = buffers_;
  bound.insert(inputs_.begin(), inputs_.end());
  conditioner_ = backend.bind("conditioner", bound);
  mixed_.resize(inputs_.at("embedding")->port().count());
  if (!manifest.text) return;
  tokenizer_.emplace(bundle.file(manifest.text->tokenizer), manifest.text->tokens, manifest.text->lowercase);
  const GraphEntry& encoder = bundle.graph("text_encoder");
  for (const auto* side : {&encoder.inputs, &encoder.outputs})
    for (const Port& port : *side) text_.emplace(port.name, backend.buffer(port));
  encoder_ = backend.bind("text_encoder", text_);
}

void Conditioning::give(const std::string& prompt, std::span<const float> embedding) {
  const Shape& shape = inputs_.at("embedding")->port().shape;
  if (embedding.size() != mixed_.size())
    throw Error(ErrorKind::session, "the embedding of " + spelled(prompt, most_spelled) + " has shape [" +
                                        std::to_string(embedding.size()) + "], expected " +
                                        to_string(Shape(shape.begin() + 1, shape.end())));
  if (!std::ranges::all_of(embedding, [](float value) { return std::isfinite(value); }))
    throw Error(ErrorKind::session, "the embedding of " + spelled(prompt, most_spelled) + " holds values that are not finite");
  given_[prompt].assign(embedding.begin(), embedding.end());
}

void Conditioning::require_known(const Mix& mix) const {
  if (tokenizer_) return;
  for (const WeightedPrompt& entry : mix)
    if (!given_.contains(entry.prompt))
      throw Error(ErrorKind::session, "this bundle has no text encoder; give an embedding for " + spelled(entry.prompt, most_spelled) +
                                          " first, with set_embedding");
}

void Conditioning::apply(const Mix& mix) {
  std::ranges::fill(mixed_, 0.0F);
  bool first = true;
  for (const WeightedPrompt& entry : mix) {
    const auto weight = static_cast<float>(entry.weight);
    const auto values = embedding(entry.prompt);
    for (std::size_t i = 0; i < mixed_.size(); ++i) mixed_[i] = first ? weight * values[i] : mixed_[i] + weight * values[i];
    first = false;
  }
  write_floats(*inputs_.at("embedding"), mixed_);
  conditioner_->run();
}

std::span<const float> Conditioning::embedding(const std::string& prompt) {
  if (const auto given = given_.find(prompt); given != given_.end()) return given->second;
  const auto known = std::ranges::find(remembered_, prompt, [](const auto& entry) -> const std::string& { return entry.first; });
  if (known != remembered_.end()) return known->second;
  auto made = encoded(prompt);
  while (remembered_.size() >= most_remembered) remembered_.pop_front();
  return remembered_.emplace_back(prompt, std::move(made)).second;
}

std::vector<float> Conditioning::encoded(const std::string& prompt) {
  require_known({{prompt, 1}});
  const Tokens tokens = (*tokenizer_)(prompt);
  notice_.clear();
  if (!tokens.read.empty())
    notice_ = "the prompt is " + std::to_string(tokens.pieces) + " tokens long and only its first " +
              std::to_string(tokens.ids.size() - 1) + " are read: " + tokens.read;
  text_.at("token_ids")->write_values<std::int64_t>(tokens.ids);
  write_floats(*text_.at("token_mask"), tokens.mask);
  encoder_->run();
  return read_floats(*text_.at("embedding"));
}

}  // namespace lmdm
