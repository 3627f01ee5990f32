// Loads each folder that is named on a line of standard input and prints one line of JSON: the manifest as typed data in the form of the
// Python runtime's, or the kind and sentence of the error. A second, tab-separated folder on a line gets the arrays of the fixtures and
// first states as raw files; the listing of their shapes and types is then in the answer.
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "lmdm/bundle.h"
#include "lmdm/error.h"

namespace {

using lmdm::Manifest;
using Json = nlohmann::json;

template <class Value>
Json value_or_null(const std::optional<Value>& value) {
  return value ? Json(*value) : Json();
}

Json ports(const std::vector<lmdm::Port>& all) {
  Json list = Json::array();
  for (const lmdm::Port& port : all) list.push_back({{"name", port.name}, {"shape", port.shape}, {"dtype", lmdm::name(port.type)}});
  return list;
}

Json streaming(const lmdm::Streaming& entry) {
  return {{"kind", entry.kind == lmdm::StreamingKind::state ? "state" : "context"},
          {"left", entry.left},
          {"right", entry.right},
          {"delay", entry.delay},
          {"fade", entry.fade},
          {"states", value_or_null(entry.states)}};
}

Json model(const lmdm::ModelEntry& entry) {
  return {{"pattern", entry.pattern == lmdm::Pattern::block_causal ? "block-causal" : "encoder-decoder"},
          {"context", entry.context},
          {"block", entry.block},
          {"window_chunks", value_or_null(entry.window_chunks)},
          {"latent_channels", entry.latent_channels},
          {"width", entry.width},
          {"depth", entry.depth},
          {"heads", entry.heads},
          {"head_width", entry.head_width},
          {"rotary_inv_freq", entry.rotary_inv_freq},
          {"text_tokens", entry.text_tokens},
          {"text_width", entry.text_width},
          {"batch", entry.batch},
          {"parameters", entry.parameters},
          {"cached_target_sees_all", entry.cached_target_sees_all}};
}

Json sampling(const lmdm::SamplingEntry& entry) {
  const char* const guidances[] = {"none", "cfg", "cfg++"};
  return {{"solver", entry.solver},
          {"schedule", entry.schedule},
          {"guidance", guidances[static_cast<int>(entry.guidance)]},
          {"guidance_scale", entry.guidance_scale},
          {"context_drop", entry.context_drop},
          {"seconds_total", value_or_null(entry.seconds_total)},
          {"logsnr_start", entry.logsnr_start},
          {"logsnr_end", entry.logsnr_end}};
}

Json control(const lmdm::ControlEntry& entry) {
  const char* const sources[] = {"sketch", "accompaniment", "caller"};
  Json groups = Json::array();
  for (const lmdm::Group& group : entry.groups) groups.push_back({{"name", group.name}, {"channels", group.channels}});
  Json axis;
  if (entry.axis) axis = {{"unit", entry.axis->unit == lmdm::AxisUnit::hertz ? "Hz" : "dB"}, {"values", entry.axis->values}};
  return {{"kind", entry.kind},
          {"source", sources[static_cast<int>(entry.source)]},
          {"groups", groups},
          {"presence", value_or_null(entry.presence)},
          {"cutoff", value_or_null(entry.cutoff)},
          {"t_f", value_or_null(entry.t_f)},
          {"axis", axis}};
}

Json summary(const Manifest& manifest) {
  Json text, sketch, precision, controls = Json::array(), graphs = Json::object(), files = Json::array(), fixtures = Json::object();
  if (const auto& entry = manifest.text) {
    text = {{"kind", entry->kind}, {"tokenizer", entry->tokenizer}, {"tokens", entry->tokens}, {"lowercase", entry->lowercase}};
  }
  if (const auto& entry = manifest.sketch) sketch = {{"medians", entry->medians}, {"median", entry->median}, {"states", entry->states}};
  if (const auto& entry = manifest.precision) {
    precision = {{"kind", entry->kind}, {"islands", entry->islands}, {"budget", entry->budget},
                 {"parity", entry->parity}, {"kept", entry->kept}, {"graphs", entry->graphs}};
  }
  for (const lmdm::ControlEntry& entry : manifest.controls) controls.push_back(control(entry));
  for (const auto& [name, graph] : manifest.graphs) {
    graphs[name] = {{"name", graph.name},
                    {"file", graph.file},
                    {"sha256", graph.sha256},
                    {"inputs", ports(graph.inputs)},
                    {"outputs", ports(graph.outputs)},
                    {"fused", Json()}};
    if (const auto& fused = graph.fused) graphs[name]["fused"] = {{"file", fused->file}, {"sha256", fused->sha256}};
  }
  for (const lmdm::FileEntry& file : manifest.files) files.push_back({{"path", file.path}, {"sha256", file.sha256}, {"bytes", file.bytes}});
  for (const auto& [name, fixture] : manifest.fixtures) fixtures[name] = {{"file", fixture.file}, {"tolerance", fixture.tolerance}};
  const lmdm::CodecEntry& codec = manifest.codec;
  return {{"name", manifest.name},
          {"model", model(manifest.model)},
          {"codec",
           {{"kind", codec.kind},
            {"sample_rate", codec.sample_rate},
            {"audio_channels", codec.audio_channels},
            {"frame_size", codec.frame_size},
            {"encoder", streaming(codec.encoder)},
            {"decoder", streaming(codec.decoder)}}},
          {"text", text},
          {"sampling", sampling(manifest.sampling)},
          {"controls", controls},
          {"sketch", sketch},
          {"graphs", graphs},
          {"files", files},
          {"fixtures", fixtures},
          {"precision", precision},
          {"document", Json::parse(manifest.document)}};
}

/// Writes the elements of every array as FILE:NAME, slashes of FILE as underscores, and lists them.
Json written(const lmdm::Bundle& bundle, const std::filesystem::path& folder) {
  Json list = Json::object();
  for (const lmdm::FileEntry& file : bundle.manifest().files) {
    if (!file.path.ends_with(".npz")) continue;
    for (const auto& [name, array] : bundle.arrays(file.path)) {
      const std::string raw = std::to_string(list.size()) + ".bin";
      std::ofstream stream(folder / raw, std::ios::binary);
      stream.write(reinterpret_cast<const char*>(array.data.data()), static_cast<std::streamsize>(array.data.size()));
      Json& entry = list[file.path + ":" + name];
      entry = {{"raw", raw}, {"dtype", lmdm::name(array.type)}, {"shape", array.shape}};
      constexpr std::size_t longest_text = 65536;
      if (array.data.size() < longest_text) entry["texts"] = lmdm::texts(array);
    }
  }
  return list;
}

}  // namespace

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    const std::size_t tab = line.find('\t');
    Json answer;
    try {
      const lmdm::Bundle bundle = lmdm::Bundle::load(line.substr(0, tab));
      answer["manifest"] = summary(bundle.manifest());
      if (tab != std::string::npos) answer["arrays"] = written(bundle, line.substr(tab + 1));
    } catch (const lmdm::Error& error) {
      answer = {{"kind", static_cast<int>(error.kind())}, {"sentence", error.what()}};
    }
    std::cout << answer.dump() << '\n';
  }
  return 0;
}
