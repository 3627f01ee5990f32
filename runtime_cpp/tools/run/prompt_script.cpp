#include "run/prompt_script.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "engine/spelling.h"
#include "engine/utf8.h"
#include "lmdm/error.h"

namespace lmdm::run {
namespace {

using Json = nlohmann::json;

constexpr std::string_view blanks = " \t\r\n\f\v";

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(ErrorKind::session, sentence);
}

std::string short_number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", value);
  return text;
}

std::string_view stripped(std::string_view text) {
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::optional<double> number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Cue checked(const std::string& where, double at, std::vector<WeightedPrompt> mix) {
  if (!std::isfinite(at) || at < 0) refuse(where + ": a prompt cannot begin at second " + short_number(at));
  double sum = 0;
  std::vector<double> weights;
  for (const WeightedPrompt& part : mix) {
    weights.push_back(part.weight);
    sum += part.weight;
  }
  if (!std::ranges::all_of(weights, [](double w) { return std::isfinite(w) && w >= 0; }) || !(sum > 0))
    refuse(where + ": weights must be finite, not negative, and not all zero, found " + spelled_list(weights));
  if (std::ranges::any_of(mix, [](const WeightedPrompt& part) { return part.prompt.empty(); }))
    refuse(where + " has no prompt after its time");
  return {at, std::move(mix)};
}

WeightedPrompt weighted(const std::string& where, std::string_view part) {
  const std::size_t colon = part.rfind(':');
  const auto weight = colon == std::string_view::npos ? std::nullopt : number(stripped(part.substr(colon + 1)));
  if (!weight) refuse(where + ": in a mix each prompt needs a weight such as `techno : 0.7`, found " + spelled(part));
  return {std::string(stripped(part.substr(0, colon))), *weight};
}

Cue cue_of_line(const std::string& where, std::string_view line) {
  const std::size_t end = std::min(line.find_first_of(blanks), line.size());
  const auto second = number(line.substr(0, end));
  std::string_view rest = stripped(line.substr(end));
  std::vector<std::string_view> parts;
  for (std::size_t bar = 0; bar != std::string_view::npos;) {
    bar = rest.find('|');
    parts.push_back(stripped(rest.substr(0, bar)));
    if (bar != std::string_view::npos) rest.remove_prefix(bar + 1);
  }
  std::vector<WeightedPrompt> mix;
  for (const std::string_view part : parts) mix.push_back(parts.size() > 1 ? weighted(where, part) : WeightedPrompt{std::string(part), 1});
  if (!second) refuse(where + " must begin with a number of seconds, found " + spelled(line.substr(0, end)));
  return checked(where, *second, std::move(mix));
}

std::vector<Cue> from_lines(const std::string& path, std::string_view text) {
  std::vector<Cue> cues;
  for (std::size_t number_of_line = 1; !text.empty(); ++number_of_line) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = stripped(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.empty() && !line.starts_with('#')) cues.push_back(cue_of_line(path + ", line " + std::to_string(number_of_line), line));
  }
  return cues;
}

Cue cue_of_json(const std::string& where, const Json& entry) try {
  std::vector<WeightedPrompt> mix;
  if (entry.contains("prompt")) {
    mix.push_back({entry["prompt"].get<std::string>(), 1});
  } else {
    for (const Json& part : entry.at("prompts")) mix.push_back({part.at(0).get<std::string>(), part.at(1).get<double>()});
  }
  return checked(where, entry.at("at").get<double>(), std::move(mix));
} catch (const Json::exception&) {
  refuse(where + " needs `at` and `prompt`, or `prompts` with weights, found " + entry.dump().substr(0, 80));
}

std::vector<Cue> from_json(const std::string& path, const std::string& text) {
  Json entries;
  try {
    entries = Json::parse(text);
  } catch (const Json::exception& failure) {
    refuse(path + " is not JSON: " + failure.what());
  }
  if (!entries.is_array() || !std::ranges::all_of(entries, [](const Json& entry) { return entry.is_object(); }))
    refuse(path + R"( must be a list of objects such as {"at": 0, "prompt": "ambient"})");
  std::vector<Cue> cues;
  for (const Json& entry : entries) cues.push_back(cue_of_json(path + ", entry " + std::to_string(cues.size() + 1), entry));
  return cues;
}

std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file || std::filesystem::is_directory(path)) refuse("the prompt script " + path.string() + " cannot be read; check the path");
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (to_utf8(from_utf8(text)) != text) refuse("the prompt script " + path.string() + " is not UTF-8 text");
  constexpr std::string_view mark = "\xEF\xBB\xBF";
  return text.starts_with(mark) ? text.substr(mark.size()) : text;
}

}  // namespace

std::vector<Cue> read_prompt_script(const std::filesystem::path& path) {
  const std::string text = read_text(path);
  auto cues = path.extension() == ".json" ? from_json(path.string(), text) : from_lines(path.string(), text);
  std::ranges::stable_sort(cues, {}, &Cue::second);
  if (cues.empty() || cues.front().second != 0)
    refuse("the prompt script " + path.string() + " needs a prompt at second 0, but " +
           (cues.empty() ? "it has none" : "its first begins at " + short_number(cues.front().second)));
  return cues;
}

std::map<std::uint64_t, std::vector<WeightedPrompt>> by_block(const std::vector<Cue>& cues, double block_seconds) {
  std::map<std::uint64_t, std::vector<WeightedPrompt>> blocks;
  for (const Cue& cue : cues) blocks[static_cast<std::uint64_t>(cue.second / block_seconds + 1e-9)] = cue.mix;
  return blocks;
}

}  // namespace lmdm::run
