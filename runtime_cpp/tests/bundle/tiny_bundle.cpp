#include "tiny_bundle.h"

#include <fstream>
#include <random>
#include <stdexcept>
#include <vector>

#include "tiny_formats.h"

namespace lmdm::testing {

namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

const char* const sizes = R"({
  "format_version": 3, "name": "tiny", "created_with": {"command": "tests"}, "checkpoint": {"name": "tiny", "sha256": ""},
  "model": {"pattern": "encoder-decoder", "context": 4, "block": 2, "window_chunks": null, "latent_channels": 2, "width": 3, "depth": 1,
    "heads": 1, "head_width": 2, "rotary_inv_freq": [1.0], "text_tokens": 3, "text_width": 2, "batch": 2, "parameters": 100},
  "codec": {"kind": "tiny", "sample_rate": 16, "audio_channels": 1, "frame_size": 4,
    "encoder": {"streaming": {"kind": "context", "left": 1, "right": 1, "delay": 1, "fade": 0}},
    "decoder": {"streaming": {"kind": "state", "left": 0, "right": 0, "delay": 0, "fade": 0, "states": "states/codec_decoder.npz"}}},
  "text": {"kind": "small", "tokenizer": "tokenizer.model", "tokens": 3, "lowercase": true},
  "sampling": {"solver": "euler", "schedule": [1.0, 0.6, 0.0], "guidance": "cfg", "guidance_scale": 1.5, "context_drop": 1,
    "seconds_total": 2.0},
  "controls": [
    {"kind": "pitch", "source": "sketch", "groups": [{"name": "pitch", "channels": 4}], "presence": 0,
      "axis": {"unit": "Hz", "values": [110, 220.5, 440]}},
    {"kind": "mix", "source": "accompaniment", "groups": [{"name": "mask", "channels": 1}, {"name": "mix", "channels": 2}], "cutoff": 3,
      "t_f": -1},
    {"kind": "energy", "source": "caller", "groups": [{"name": "energy", "channels": 1}]}],
  "sketch": {"medians": [1, 3], "median": 3, "states": "states/sketch.npz"},
  "graphs": {}, "files": [],
  "fixtures": {"block": {"file": "fixtures/block.npz", "tolerance": {"max_abs": 1e-5, "by_output": {"velocity": 1e-6}}}},
  "precision": {"kind": "int8", "islands": ["norms"], "kept": ["project_out"], "graphs": ["cached_decoder"], "budget": 0.1, "parity": 0.03}
})";

using Shape = std::vector<int>;
using List = std::vector<Json>;

Json port(const std::string& name, const Shape& shape, const std::string& type = "float32") {
  return {{"name", name}, {"shape", shape}, {"dtype", type}};
}

List controls(int frames) {
  return {port("control_pitch", {1, 4, frames}), port("control_mask", {1, 1, frames}), port("control_mix", {1, 2, frames}),
          port("control_energy", {1, 1, frames})};
}

List joined(List a, const List& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Json graphs() {
  const List cross = {port("cross_k_00", {2, 1, 4, 2}), port("cross_v_00", {2, 1, 4, 2})};
  const List self = {port("self_k_00", {2, 1, 4, 2}), port("self_v_00", {2, 1, 4, 2})};
  const List embedding = {port("embedding", {1, 3, 2})}, global = {port("global_embed", {1, 3})};
  Json all;
  const auto add = [&all](const std::string& name, const List& inputs, const List& outputs) {
    all[name] = {{"file", "graphs/" + name + ".onnx"}, {"sha256", ""}, {"inputs", inputs}, {"outputs", outputs}};
  };
  add("text_encoder", {port("token_ids", {1, 3}, "int64"), port("token_mask", {1, 3})}, embedding);
  add("conditioner", joined(embedding, {port("seconds", {1})}), joined(cross, global));
  // Nothing depends on the values of the only layer, so that they are left out.
  add("context_encoder", joined(joined({port("context", {1, 2, 4})}, controls(4)), {cross[0]}), self);
  add("cached_decoder", joined(joined({port("x", {1, 2, 2}), port("t", {1})}, controls(2)), joined(joined(cross, self), global)),
      {port("velocity", {2, 2, 2})});
  add("sketch", {port("audio", {1, 1, 8}), port("smoothing", {2}), port("state_past", {1, 2})},
      {port("pitch", {1, 4, 2}), port("state_past_out", {1, 2})});
  add("codec_encoder", {port("audio", {1, 1, 16})}, {port("frames", {1, 2, 2})});
  add("codec_decoder", {port("frames", {1, 2, 2}), port("state_tail", {1, 1})}, {port("audio", {1, 1, 8}), port("state_tail_out", {1, 1})});
  return all;
}

}  // namespace

TinyBundle::TinyBundle() : manifest(Json::parse(sizes)) {
  manifest["checkpoint"]["sha256"] = std::string(64, '0');
  manifest["graphs"] = graphs();
  manifest["graphs"]["cached_decoder"]["fused"] = {{"file", "graphs/cached_decoder.fused.onnx"}, {"sha256", ""}};
  files["graphs/cached_decoder.fused.onnx"] = onnx("weights.bin") + field(2, "fused");
  for (const auto& graph : manifest["graphs"].items()) files[graph.value()["file"]] = onnx("weights.bin") + field(2, graph.key());
  files["graphs/weights.bin"] = std::string(4, '\0');
  files["tokenizer.model"] = "not read by the loader";
  files["states/codec_decoder.npz"] = zip({{"state_tail.npy", npy_zeros("(1, 1)", 1)}});
  files["states/sketch.npz"] = zip({{"state_past.npy", npy_zeros("(1, 2)", 2)}});
  const std::string text = npy("{'descr': '<U2', 'fortran_order': False, 'shape': (), }", std::string("a\0\0\0\xe4\0\0\0", 8));
  files["fixtures/block.npz"] = zip({{"velocity.npy", npy_zeros("(2, 2, 2)", 8)}, {"timeline.npy", text}});
  seal();
}

void TinyBundle::seal() {
  Json list = Json::array();
  for (const auto& [name, bytes] : files) list.push_back({{"path", name}, {"sha256", sha256(bytes)}, {"bytes", bytes.size()}});
  if (manifest.is_object() && manifest.contains("files")) manifest["files"] = list;
  if (!manifest.is_object() || !manifest.contains("graphs") || !manifest["graphs"].is_object()) return;
  const auto hash = [this](Json& entry) {
    if (!entry.is_object() || !entry.contains("file") || !entry["file"].is_string()) return;
    const auto file = files.find(entry["file"].get<std::string>());
    if (file != files.end()) entry["sha256"] = sha256(file->second);
  };
  for (auto& graph : manifest["graphs"]) {
    hash(graph);
    if (graph.is_object() && graph.contains("fused")) hash(graph["fused"]);
  }
}

void TinyBundle::write(const fs::path& folder) const {
  const auto put = [&folder](const std::string& name, const std::string& bytes) {
    fs::create_directories((folder / name).parent_path());
    std::ofstream(folder / name, std::ios::binary) << bytes;
  };
  for (const auto& [name, bytes] : files) put(name, bytes);
  put("manifest.json", manifest.dump());
}

TemporaryFolder::TemporaryFolder() {
  const fs::path memory = "/dev/shm", parent = fs::is_directory(memory) ? memory : fs::temp_directory_path();
  path_ = fs::weakly_canonical(parent) / ("lmdm-test-" + std::to_string(std::random_device()()) + std::to_string(std::random_device()()));
  if (!fs::create_directory(path_)) throw std::runtime_error("the folder " + path_.string() + " exists");
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace lmdm::testing
