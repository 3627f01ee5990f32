#include "bundle/manifest_document.h"

#include <array>
#include <utility>

namespace lmdm::bundles {

namespace {

template <class Value, std::size_t count>
Value one_of(const Json& text, const std::array<std::pair<const char*, Value>, count>& names) {
  for (const auto& [name, value] : names) {
    if (text == name) return value;
  }
  return names.front().second;  // The schema has named them all.
}

template <class Value>
std::optional<Value> optional(const Json& parent, const char* name) {
  const auto found = parent.find(name);
  return found == parent.end() || found->is_null() ? std::nullopt : std::optional(found->get<Value>());
}

std::vector<Port> ports_of(const Json& entries) {
  constexpr std::array<std::pair<const char*, DType>, 5> types = {{{"float32", DType::float32},
                                                                   {"float16", DType::float16},
                                                                   {"int64", DType::int64},
                                                                   {"int32", DType::int32},
                                                                   {"bool", DType::boolean}}};
  std::vector<Port> ports;
  for (const Json& entry : entries) ports.push_back({entry.at("name"), entry.at("shape").get<Shape>(), one_of(entry.at("dtype"), types)});
  return ports;
}

ModelEntry model_of(const Json& entry) {
  ModelEntry model;
  model.pattern = entry.at("pattern") == "block-causal" ? Pattern::block_causal : Pattern::encoder_decoder;
  model.context = entry.at("context").get<int>();
  model.block = entry.at("block").get<int>();
  model.window_chunks = optional<int>(entry, "window_chunks");
  model.latent_channels = entry.at("latent_channels").get<int>();
  model.width = entry.at("width").get<int>();
  model.depth = entry.at("depth").get<int>();
  model.heads = entry.at("heads").get<int>();
  model.head_width = entry.at("head_width").get<int>();
  model.rotary_inv_freq = entry.at("rotary_inv_freq").get<std::vector<double>>();
  model.text_tokens = entry.at("text_tokens").get<int>();
  model.text_width = entry.at("text_width").get<int>();
  model.batch = entry.at("batch").get<int>();
  model.parameters = entry.at("parameters").get<std::int64_t>();
  model.cached_target_sees_all = entry.value("cached_target_sees_all", false);
  return model;
}

Streaming streaming_of(const Json& direction) {
  const Json& entry = direction.at("streaming");
  return {entry.at("kind") == "context" ? StreamingKind::context : StreamingKind::state,
          entry.at("left").get<int>(),
          entry.at("right").get<int>(),
          entry.at("delay").get<int>(),
          entry.at("fade").get<int>(),
          optional<std::string>(entry, "states")};
}

SamplingEntry sampling_of(const Json& entry) {
  constexpr std::array<std::pair<const char*, Guidance>, 3> guidances = {
      {{"none", Guidance::none}, {"cfg", Guidance::cfg}, {"cfg++", Guidance::cfg_plus_plus}}};
  SamplingEntry sampling;
  sampling.solver = entry.at("solver").get<std::string>();
  sampling.schedule = entry.at("schedule").get<std::vector<double>>();
  sampling.guidance = one_of(entry.at("guidance"), guidances);
  sampling.guidance_scale = entry.at("guidance_scale").get<double>();
  sampling.context_drop = entry.at("context_drop").get<int>();
  sampling.seconds_total = optional<double>(entry, "seconds_total");
  sampling.logsnr_start = entry.value("logsnr_start", sampling.logsnr_start);
  sampling.logsnr_end = entry.value("logsnr_end", sampling.logsnr_end);
  return sampling;
}

ControlEntry control_of(const Json& entry) {
  constexpr std::array<std::pair<const char*, ControlSource>, 3> sources = {
      {{"sketch", ControlSource::sketch}, {"accompaniment", ControlSource::accompaniment}, {"caller", ControlSource::caller}}};
  ControlEntry control;
  control.kind = entry.at("kind").get<std::string>();
  control.source = one_of(entry.at("source"), sources);
  for (const Json& group : entry.at("groups")) control.groups.push_back({group.at("name"), group.at("channels").get<int>()});
  control.presence = optional<int>(entry, "presence");
  control.cutoff = optional<int>(entry, "cutoff");
  control.t_f = optional<int>(entry, "t_f");
  if (const auto axis = entry.find("axis"); axis != entry.end()) {
    control.axis = Axis{axis->at("unit") == "Hz" ? AxisUnit::hertz : AxisUnit::decibel, axis->at("values").get<std::vector<double>>()};
  }
  return control;
}

std::optional<Precision> precision_of(const Json& document) {
  const auto found = document.find("precision");
  if (found == document.end() || found->at("kind") == "float32") return std::nullopt;
  const auto names = [&entry = *found](const char* name) {
    return optional<std::vector<std::string>>(entry, name).value_or(std::vector<std::string>{});
  };
  return Precision{found->at("kind"), names("islands"), names("kept"), names("graphs"), found->at("budget").get<double>(),
                   found->at("parity").get<double>()};
}

void add_numbers(const Json& node, const std::string& prefix, std::map<std::string, double>& numbers) {
  for (const auto& item : node.items()) {
    const std::string name = prefix.empty() ? item.key() : prefix + "." + item.key();
    if (item.value().is_number()) numbers[name] = item.value().get<double>();
    if (item.value().is_object()) add_numbers(item.value(), name, numbers);
  }
}

}  // namespace

Manifest manifest_of(const Json& document) {
  Manifest manifest;
  manifest.name = document.at("name").get<std::string>();
  manifest.model = model_of(document.at("model"));
  const Json& codec = document.at("codec");
  manifest.codec = {codec.at("kind"),
                    codec.at("sample_rate").get<int>(),
                    codec.at("audio_channels").get<int>(),
                    codec.at("frame_size").get<int>(),
                    streaming_of(codec.at("encoder")),
                    streaming_of(codec.at("decoder"))};
  if (const Json& text = document.at("text"); !text.is_null()) {
    manifest.text = TextEntry{text.at("kind"), text.at("tokenizer"), text.at("tokens").get<int>(), text.at("lowercase").get<bool>()};
  }
  manifest.sampling = sampling_of(document.at("sampling"));
  for (const Json& entry : document.at("controls")) manifest.controls.push_back(control_of(entry));
  if (const Json& sketch = document.at("sketch"); !sketch.is_null()) {
    manifest.sketch = SketchEntry{sketch.at("medians").get<std::vector<int>>(), sketch.at("median").get<int>(), sketch.at("states")};
  }
  for (const auto& item : document.at("graphs").items()) {
    const Json& entry = item.value();
    manifest.graphs[item.key()] = {item.key(), entry.at("file"), entry.at("sha256"), ports_of(entry.at("inputs")),
                                   ports_of(entry.at("outputs"))};
  }
  for (const Json& entry : document.at("files")) {
    manifest.files.push_back({entry.at("path"), entry.at("sha256"), entry.at("bytes").get<std::uint64_t>()});
  }
  for (const auto& item : document.at("fixtures").items()) {
    Fixture& fixture = manifest.fixtures[item.key()];
    fixture.file = item.value().at("file").get<std::string>();
    if (item.value().contains("tolerance")) add_numbers(item.value().at("tolerance"), "", fixture.tolerance);
  }
  manifest.precision = precision_of(document);
  return manifest;
}

}  // namespace lmdm::bundles
