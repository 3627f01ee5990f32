#include "validate/scenario.h"

#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "engine/mix.h"
#include "lmdm/error.h"

namespace lmdm::validate {
namespace {

using Json = nlohmann::json;

std::map<int, std::vector<WeightedPrompt>> timeline_of(const Json& entries) {
  std::map<int, std::vector<WeightedPrompt>> timeline;
  for (const Json& entry : entries)
    for (const Json& part : entry.at(1))
      timeline[entry.at(0).get<int>()].push_back({part.at(0).get<std::string>(), part.at(1).get<double>()});
  return timeline;
}

template <class T>
void read_into(const Json& values, const char* key, std::optional<T>& to) {
  if (values.contains(key)) to = values[key].get<T>();
}

Tuning tuning_of(const Json& values) {
  Tuning tuning;
  read_into(values, "seed", tuning.seed);
  read_into(values, "steps", tuning.steps);
  read_into(values, "guidance_scale", tuning.guidance_scale);
  read_into(values, "context_drop", tuning.context_drop);
  read_into(values, "feedback", tuning.feedback);
  read_into(values, "hold_noise", tuning.hold_noise);
  return tuning;
}

std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error(ErrorKind::session, path.string() + " cannot be read; check the path");
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The raw float32 file that `document` names under `key`, beside the scenario.
std::vector<float> floats(const Json& document, const char* key, const std::filesystem::path& folder) {
  const std::string bytes = read_text(folder / document.at(key).get<std::string>());
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

Scenario scenario_of(const Json& document, const std::filesystem::path& folder) {
  Scenario made;
  made.blocks = document.at("blocks").get<int>();
  made.timeline = timeline_of(document.at("timeline"));
  made.options.seed = document.value("seed", std::uint64_t{0});
  read_into(document, "steps", made.options.steps);
  read_into(document, "guidance_scale", made.options.guidance_scale);
  read_into(document, "solver", made.options.solver);
  for (const Json& entry : document.value("tunings", Json::array())) made.tunings[entry.at(0).get<int>()] = tuning_of(entry.at(1));
  for (const Json& entry : document.value("strengths", Json::array()))
    made.strengths[entry.at(0).get<int>()] = entry.at(1).get<std::map<std::string, double>>();
  const Json controls = document.value("controls", Json::object());
  for (const auto& [name, entry] : controls.items())
    made.controls[name] = {floats(entry, "file", folder), entry.at("frames").get<std::size_t>()};
  const Json embeddings = document.value("embeddings", Json::object());
  for (const auto& [prompt, file] : embeddings.items()) made.embeddings[prompt] = floats(embeddings, prompt.c_str(), folder);
  if (document.contains("sketch")) {
    made.sketch = floats(document["sketch"], "file", folder);
    made.sketched = document["sketch"].at("controls").get<std::vector<std::string>>();
    if (document["sketch"].contains("smoothing")) made.smoothing = document["sketch"]["smoothing"].get<int>();
  }
  if (document.contains("accompaniment_frames")) made.accompaniment = floats(document, "accompaniment_frames", folder);
  if (document.contains("accompaniment")) made.accompaniment_audio = floats(document, "accompaniment", folder);
  if (document.contains("prime")) made.prime = floats(document, "prime", folder);
  return made;
}

}  // namespace

std::vector<int> Scenario::changes() const {
  std::vector<int> blocks_of_change;
  std::string before = dominant(timeline.begin()->second);
  for (const auto& [block, mix] : timeline) {
    if (dominant(mix) != before) blocks_of_change.push_back(block);
    before = dominant(mix);
  }
  return blocks_of_change;
}

int Scenario::varying() const {
  return static_cast<int>(timeline.size()) - 1 - static_cast<int>(changes().size());
}

Scenario Scenario::first(int count) const {
  Scenario part = *this;
  part.blocks = count;
  part.timeline.erase(part.timeline.lower_bound(count), part.timeline.end());
  return part;
}

std::map<int, std::vector<WeightedPrompt>> read_timeline(const std::string& json) try {
  auto timeline = timeline_of(Json::parse(json));
  if (!timeline.contains(0))
    throw Error(ErrorKind::bundle, "a fixture's timeline has no prompt for block 0; export the checkpoint again with lmdm export");
  return timeline;
} catch (const Json::exception&) {
  throw Error(ErrorKind::bundle, "a fixture holds no readable timeline; export the checkpoint again with lmdm export");
}

Scenario read_scenario(const std::filesystem::path& path) try {
  return scenario_of(Json::parse(read_text(path)), path.parent_path());
} catch (const Json::exception& error) {
  throw Error(ErrorKind::session, path.string() + " is no scenario (" + error.what() + "); see lmdm-validate --help");
}

}  // namespace lmdm::validate
