// Answers requests about the engine's numbers, for the comparison with Python in tests/runtime_cpp: a JSON list on standard input, one
// {"op": …} each, and a JSON list on standard output. Text that may not be UTF-8 travels as hexadecimal bytes.
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "engine/lowercase.h"
#include "engine/mix.h"
#include "engine/schedule.h"
#include "engine/solvers.h"
#include "engine/spelling.h"
#include "engine/tokenizer.h"
#include "engine/utf8.h"
#include "lmdm/error.h"
#include "lmdm/noise.h"

namespace {

using nlohmann::json;
using Values = std::vector<float>;

lmdm::Guidance guidance_of(const std::string& name) {
  return name == "cfg" ? lmdm::Guidance::cfg : name == "cfg++" ? lmdm::Guidance::cfg_plus_plus : lmdm::Guidance::none;
}

/// Velocities that Python computes too: `a tanh(x) + b t`, `a x / (1 + x x) + b t`, or a list of network outputs, one for each evaluation.
class Field final : public lmdm::Flow {
 public:
  Field(const json& request, std::size_t count)
      : kind_(request.at("field")),
        noise_(request.value("noise", std::vector<Values>())),
        replayed_(request.value("velocities", std::vector<Values>())),
        levels_(json::array()),
        guide_(guidance_of(request.at("guidance")), request.at("scale"), count) {
    a_ = request.value("a", 0.0f), b_ = request.value("b", 0.0f), null_a_ = request.value("null_a", 0.0f);
  }

  lmdm::Guided velocity(std::span<const float> x, double t) override {
    levels_.push_back(t);
    if (kind_ == "replay") {
      const Values& network = replayed_.at(evaluations_++);
      if (network.size() != guide_.network_count()) {
        throw std::invalid_argument("a replayed velocity has another size than the guidance asks for");
      }
      return guide_(network);
    }
    network_.clear();
    for (const float a : {a_, null_a_}) {
      for (const float value : x) {
        network_.push_back((kind_ == "tanh" ? a * std::tanh(value) : a * value / (1 + value * value)) + b_ * static_cast<float>(t));
      }
    }
    return guide_(std::span<const float>(network_).first(guide_.network_count()));
  }
  void noise(std::uint32_t draw, std::span<float> values) override { std::ranges::copy(noise_.at(draw - 1), values.begin()); }
  [[nodiscard]] const json& levels() const { return levels_; }

 private:
  std::string kind_;
  float a_ = 0, b_ = 0, null_a_ = 0;
  std::vector<Values> noise_, replayed_;
  std::size_t evaluations_ = 0;
  Values network_;
  json levels_;
  lmdm::Guide guide_;
};

json solve(const json& request) {
  Values x = request.at("x");
  Field field(request, x.size());
  const std::vector<double> schedule = request.at("schedule");
  lmdm::make_solver(request.at("solver"), guidance_of(request.at("guidance")), x.size())->solve(field, x, schedule);
  return {{"x", x}, {"levels", field.levels()}};
}

json noise(const json& request) {
  Values values(request.at("count").get<std::size_t>());
  lmdm::Noise(request.at("seed")).fill(request.at("block"), request.at("draw"), values);
  return values;
}

std::string bytes_of(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

json tokenize(const json& request) {
  const lmdm::Tokenizer tokenizer(std::string(request.at("model")), request.at("tokens"), request.at("lowercase"));
  json answers = json::array();
  for (const std::string prompt : request.at("prompts")) {
    const lmdm::Tokens made = tokenizer(bytes_of(prompt));
    answers.push_back({{"ids", made.ids}, {"mask", made.mask}, {"pieces", made.pieces}, {"read", made.read}});
  }
  return answers;
}

json mix(const json& request) {
  std::vector<lmdm::WeightedPrompt> prompts;
  for (const auto& [prompt, weight] : request.at("prompts").get<std::vector<std::pair<std::string, std::string>>>()) {
    prompts.push_back({prompt, std::strtod(weight.c_str(), nullptr)});
  }
  const lmdm::Mix made = lmdm::normalised_mix(prompts);
  json weights = json::array();
  for (const auto& entry : made) {
    weights.push_back(entry.weight);
  }
  return {{"weights", weights}, {"dominant", lmdm::dominant(made)}};
}

json spell(const json& request) {
  json answers = json::array();
  for (const std::string number : request.at("numbers")) {
    answers.push_back(lmdm::spelled(std::strtod(number.c_str(), nullptr)));
  }
  for (const std::string text : request.at("texts")) {
    answers.push_back(lmdm::spelled(text, 60));
  }
  return answers;
}

json answer(const json& request) {
  const std::string op = request.at("op");
  if (op == "solve") return solve(request);
  if (op == "noise") return noise(request);
  if (op == "schedule") return lmdm::logsnr_schedule(request.at("steps"), request.at("start"), request.at("end"));
  if (op == "tokenize") return tokenize(request);
  if (op == "lowercase") return lmdm::to_utf8(lmdm::lowercase(lmdm::from_utf8(std::string(request.at("text")))));
  if (op == "decode") return lmdm::to_utf8(lmdm::from_utf8(bytes_of(request.at("bytes"))));
  if (op == "mix") return mix(request);
  if (op == "spell") return spell(request);
  throw std::invalid_argument("unknown op " + op);
}

}  // namespace

int main() {
  json answers = json::array();
  for (const json& request : json::parse(std::cin)) {
    try {
      answers.push_back(answer(request));
    } catch (const lmdm::Error& error) {
      answers.push_back({{"error", error.what()}, {"kind", static_cast<int>(error.kind())}});
    }
  }
  std::cout << answers.dump() << '\n';
}
