#include "bundle/ports.h"

namespace lmdm::bundles {

namespace {

Shapes all_of(const std::set<std::string>& names, const Shape& shape) {
  Shapes shapes;
  for (const std::string& name : names) shapes[name] = shape;
  return shapes;
}

Shapes together(std::initializer_list<Shapes> parts) {
  Shapes shapes;
  for (const Shapes& part : parts) {
    for (const auto& [name, shape] : part) shapes[name] = shape;
  }
  return shapes;
}

Shapes with_suffix(const Shapes& shapes, const std::string& suffix) {
  Shapes renamed;
  for (const auto& [name, shape] : shapes) renamed[name + suffix] = shape;
  return renamed;
}

Shapes states(const Manifest& manifest, const std::string& graph) {
  Shapes shapes;
  const auto entry = manifest.graphs.find(graph);
  if (entry == manifest.graphs.end()) return shapes;
  for (const Port& port : entry->second.inputs) {
    if (port.name.starts_with("state_")) shapes[port.name] = port.shape;
  }
  return shapes;
}

Shapes controls(const Manifest& manifest, std::int64_t frames) {
  Shapes shapes;
  for (const Group& group : manifest.groups()) shapes["control_" + group.name] = {1, group.channels, frames};
  return shapes;
}

Shapes sketched(const Manifest& manifest, std::int64_t frames) {
  Shapes shapes;
  for (const ControlEntry& control : manifest.controls) {
    if (control.source != ControlSource::sketch) continue;
    for (const Group& group : control.groups) shapes[group.name] = {1, group.channels, frames};
  }
  return shapes;
}

std::int64_t heard(const Streaming& streaming, std::int64_t frames, std::int64_t ahead) {
  return streaming.kind == StreamingKind::state ? frames : streaming.left + frames + ahead;
}

}  // namespace

std::set<std::string> layer_names(const std::string& stem, int depth, const std::string& suffix) {
  std::set<std::string> names;
  for (int layer = 0; layer < depth; ++layer) names.insert(stem + (layer < 10 ? "_0" : "_") + std::to_string(layer) + suffix);
  return names;
}

std::set<std::string> cross_names(int depth) {
  std::set<std::string> names = layer_names("cross_k", depth);
  names.merge(layer_names("cross_v", depth));
  return names;
}

std::vector<std::pair<std::string, std::pair<Shapes, Shapes>>> expected_shapes(const Manifest& manifest) {
  const ModelEntry& model = manifest.model;
  const CodecEntry& codec = manifest.codec;
  const std::int64_t context = model.context, block = model.block, channels = model.latent_channels, frame = codec.frame_size;
  const std::int64_t tokens = model.text_tokens;
  const Shapes cross = all_of(cross_names(model.depth), {model.batch, model.heads, tokens + 1, model.head_width});
  const Shape cached = {model.batch, model.heads, context, model.head_width};
  const Shapes self_k = all_of(layer_names("self_k", model.depth), cached), self_v = all_of(layer_names("self_v", model.depth), cached);
  const Shapes raw_k = all_of(layer_names("raw_k", model.depth), cached);
  const Shapes global_embed = {{"global_embed", {1, model.width}}}, embedding = {{"embedding", {1, tokens, model.text_width}}};

  std::vector<std::pair<std::string, std::pair<Shapes, Shapes>>> shapes;
  shapes.push_back({"conditioner", {together({embedding, {{"seconds", {1}}}}), together({cross, global_embed})}});
  if (model.pattern == Pattern::encoder_decoder) {
    const Shapes frames = {{"context", {1, channels, context}}};
    shapes.push_back({"context_encoder", {together({frames, controls(manifest, context), cross}), together({self_k, self_v})}});
  } else {
    const Shapes frames = {{"context", {1, channels, block}}, {"past_frames", {1}}};
    const Shapes slid = with_suffix(together({raw_k, self_v}), "_out");
    shapes.push_back({"context_encoder", {together({frames, controls(manifest, block), cross, raw_k, self_v}), together({slid, self_k})}});
  }
  const Shapes noisy = {{"x", {1, channels, block}}, {"t", {1}}};
  shapes.push_back({"cached_decoder",
                    {together({noisy, global_embed, controls(manifest, block), cross, self_k, self_v}),
                     {{"velocity", {model.batch, channels, block}}}}});
  if (manifest.text) shapes.push_back({"text_encoder", {{{"token_ids", {1, tokens}}, {"token_mask", {1, tokens}}}, embedding}});
  const auto audio = [&codec, frame](std::int64_t frames) { return Shapes{{"audio", {1, codec.audio_channels, frames * frame}}}; };
  if (manifest.sketch) {
    const Shapes past = states(manifest, "sketch");
    const Shapes smoothing = {{"smoothing", {static_cast<std::int64_t>(manifest.sketch->medians.size())}}};
    shapes.push_back(
        {"sketch", {together({audio(block), smoothing, past}), together({sketched(manifest, block), with_suffix(past, "_out")})}});
  }
  const Shapes encoder = states(manifest, "codec_encoder"), decoder = states(manifest, "codec_decoder");
  const std::int64_t seen = heard(codec.encoder, block, codec.encoder.right), decoded = heard(codec.decoder, block, codec.decoder.delay);
  shapes.push_back(
      {"codec_encoder", {together({audio(seen), encoder}), together({{{"frames", {1, channels, block}}}, with_suffix(encoder, "_out")})}});
  shapes.push_back({"codec_decoder",
                    {together({{{"frames", {1, channels, decoded}}}, decoder}),
                     together({audio(block + codec.decoder.fade), with_suffix(decoder, "_out")})}});
  return shapes;
}

}  // namespace lmdm::bundles
