#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "../bundle/tiny_bundle.h"
#include "streams_fake.h"

/// The tiny bundle, and functions for its graphs.
namespace lmdm::fake {

using Json = nlohmann::json;

inline Json json_port(const std::string& name, const std::vector<int>& shape, const std::string& type = "float32") {
  return {{"name", name}, {"shape", shape}, {"dtype", type}};
}

/// The tiny bundle without text encoder; block-causal, without controls, or with accompaniment that is seen so far ahead where it is asked
/// for.
inline void write_bundle(const std::filesystem::path& folder, Pattern pattern, bool controlled = true, int ahead = 0) {
  testing::TinyBundle bundle;
  Json& manifest = bundle.manifest;
  manifest["text"] = nullptr;
  manifest["graphs"].erase("text_encoder");
  bundle.files.erase("graphs/text_encoder.onnx");
  bundle.files.erase("tokenizer.model");
  if (pattern == Pattern::block_causal) {
    manifest["model"]["pattern"] = "block-causal";
    manifest["model"]["window_chunks"] = 2;
    for (Json& control : manifest["controls"]) {
      if (!control.contains("cutoff")) continue;
      control["cutoff"] = 4;
      control["t_f"] = 0;
    }
    Json& graph = manifest["graphs"]["context_encoder"];
    const std::vector<int> cached{2, 1, 4, 2};
    for (Json& input : graph["inputs"])
      if (input["name"] == "context" || std::string(input["name"]).starts_with("control_")) input["shape"][2] = 2;
    for (const Json& input : {json_port("past_frames", {1}, "int64"), json_port("raw_k_00", cached), json_port("self_v_00", cached)})
      graph["inputs"].push_back(input);
    graph["outputs"] = {json_port("raw_k_00_out", cached), json_port("self_v_00_out", cached), json_port("self_k_00", cached)};
  }
  for (Json& control : manifest["controls"]) {
    if (ahead == 0 || !control.contains("cutoff")) continue;
    control["cutoff"] = 4 + ahead;
    control["t_f"] = ahead;
  }
  if (!controlled) {
    manifest["controls"] = Json::array();
    manifest["sketch"] = nullptr;
    manifest["graphs"].erase("sketch");
    for (const char* graph : {"context_encoder", "cached_decoder"}) {
      Json inputs = Json::array();
      for (const Json& input : manifest["graphs"][graph]["inputs"])
        if (!std::string(input["name"]).starts_with("control_")) inputs.push_back(input);
      manifest["graphs"][graph]["inputs"] = inputs;
    }
  }
  bundle.seal();
  bundle.write(folder);
}

inline float sum(std::span<const float> values) {
  return std::accumulate(values.begin(), values.end(), 0.0F);
}

inline void fill(std::span<float> to, float base) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] = std::sin(base + 0.7F * static_cast<float>(i));
}

/// Every output depends on every input, and carried state on all that was before.
inline std::map<std::string, Function> graphs(Pattern pattern, bool controlled = true) {
  std::map<std::string, Function> made;
  made["conditioner"] = [](const Values& at) {
    fill(at("cross_k_00"), sum(at("embedding")));
    fill(at("cross_v_00"), 2 * sum(at("embedding")) + at("seconds")[0]);
    fill(at("global_embed"), 3 * sum(at("embedding")));
  };
  const auto steered = [controlled](const Values& at, const char* group) { return controlled ? sum(at(group)) : 0.0F; };
  const auto heard = [steered](const Values& at) {
    return sum(at("context")) + 0.3F * steered(at, "control_pitch") + 0.2F * steered(at, "control_mix") + sum(at("cross_k_00"));
  };
  made["context_encoder"] = [pattern, heard](const Values& at) {
    if (pattern == Pattern::encoder_decoder) {
      fill(at("self_k_00"), heard(at));
      fill(at("self_v_00"), 2 * heard(at));
      return;
    }
    // What is kept of older blocks stays in what is kept of newer ones, as in a network with several layers.
    const float past = std::bit_cast<std::int32_t>(at("past_frames")[0]) == 0 ? 0.0F : 0.5F;
    fill(at("raw_k_00_out"), heard(at) + past * sum(at("raw_k_00")));
    fill(at("self_v_00_out"), heard(at) - past * sum(at("self_v_00")));
    fill(at("self_k_00"), 2 * sum(at("raw_k_00_out")));
  };
  made["cached_decoder"] = [steered](const Values& at) {
    const float base =
        sum(at("self_k_00")) + sum(at("self_v_00")) + sum(at("cross_v_00")) + 0.5F * steered(at, "control_pitch") + at("t")[0];
    fill(at("velocity"), base + 0.1F * sum(at("x")));
  };
  made["sketch"] = [](const Values& at) {
    fill(at("pitch"), sum(at("audio")) + sum(at("state_past")) + at("smoothing")[1]);
    fill(at("state_past_out"), sum(at("audio")) + 0.5F * sum(at("state_past")));
  };
  made["codec_encoder"] = [](const Values& at) { fill(at("frames"), sum(at("audio"))); };
  made["codec_decoder"] = [](const Values& at) {
    fill(at("audio"), sum(at("frames")) + at("state_tail")[0]);
    at("state_tail_out")[0] = std::sin(sum(at("audio")));
  };
  return made;
}

}  // namespace lmdm::fake
