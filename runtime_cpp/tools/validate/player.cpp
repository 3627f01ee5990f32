#include "validate/player.h"

#include <algorithm>
#include <utility>

#include "engine/codec_stream.h"
#include "engine/planar.h"
#include "engine/session.h"
#include "lmdm/error.h"

namespace lmdm::validate {
namespace {

void prepare(Session& session, const Scenario& scenario) {
  for (const auto& [prompt, embedding] : scenario.embeddings) session.set_embedding(prompt, embedding);
  Controls& controls = session.controls();
  for (const auto& [group, frames] : scenario.controls) controls.set(group, frames.values, frames.frames);
  if (scenario.sketch) {
    controls.sketch().choose(scenario.sketched, scenario.smoothing);
    controls.sketch().feed(*scenario.sketch);
  }
  if (scenario.accompaniment) controls.accompaniment().feed_frames(*scenario.accompaniment);
  if (scenario.accompaniment_audio) controls.accompaniment().feed(*scenario.accompaniment_audio);
}

/// What begins with a block.
void steer(Session& session, const Scenario& scenario, int block) {
  if (const auto cue = scenario.timeline.find(block); cue != scenario.timeline.end()) session.set_prompts(cue->second);
  if (const auto cue = scenario.tunings.find(block); cue != scenario.tunings.end()) session.tune(cue->second);
  if (const auto cue = scenario.strengths.find(block); cue != scenario.strengths.end())
    for (const auto& [kind, strength] : cue->second) session.controls().sketch().set_strength(kind, strength);
}

}  // namespace

Arrays run_graph(const Bundle& bundle, const std::shared_ptr<Backend>& backend, const std::string& graph, const Arrays& inputs,
                 const Fault& fault) {
  const GraphEntry& entry = bundle.graph(graph);
  Buffers buffers;
  for (const auto* side : {&entry.inputs, &entry.outputs})
    for (const Port& port : *side) buffers.emplace(port.name, backend->buffer(port));
  const auto wrapped = fault.wrap(backend);
  const auto binding = wrapped->bind(graph, buffers);
  for (const Port& port : entry.inputs) {
    const auto given = inputs.find(port.name);
    if (given == inputs.end() || given->second.type != port.type || given->second.data.size() != port.bytes())
      throw Error(ErrorKind::bundle, "the fixture of graph " + graph + " has no input " + port.name + " as " +
                                         std::string(name(port.type)) + " " + to_string(port.shape) +
                                         "; export the checkpoint again with lmdm export");
    buffers.at(port.name)->write(given->second.data);
  }
  binding->run();
  Arrays outputs;
  for (const Port& port : entry.outputs) {
    Array array{port.type, port.shape, std::vector<std::byte>(port.bytes())};
    buffers.at(port.name)->read(array.data);
    outputs.emplace(port.name, std::move(array));
  }
  return outputs;
}

void play(const Bundle& bundle, const std::shared_ptr<Backend>& backend, const Scenario& scenario, const Fault& fault, bool decode,
          const OnBlock& on_block) {
  GeneratorOptions options = scenario.options;
  options.seed += fault.seed_offset;
  Session session(bundle, fault.altered(bundle.manifest()), fault.wrap(backend), options);
  prepare(session, scenario);
  if (scenario.prime) {
    const auto heard = session.prime(*scenario.prime);
    if (decode) on_block({}, heard);
  }
  std::vector<float> audio(decode ? session.block_samples() * static_cast<std::size_t>(bundle.manifest().codec.audio_channels) : 0);
  for (int block = 0; block < scenario.blocks; ++block) {
    steer(session, scenario, block);
    session.next(audio);
    on_block(session.latent_block(), audio);
  }
}

std::vector<std::vector<float>> blocks_of(const Bundle& bundle, const std::shared_ptr<Backend>& backend, const Scenario& scenario,
                                          const Fault& fault) {
  std::vector<std::vector<float>> blocks;
  play(bundle, backend, scenario, fault, false,
       [&](std::span<const float> latents, std::span<const float>) { blocks.emplace_back(latents.begin(), latents.end()); });
  return blocks;
}

std::vector<float> decode_stream(const Bundle& bundle, const std::shared_ptr<Backend>& backend, std::span<const float> frames,
                                 const Fault& fault) {
  const Manifest& manifest = bundle.manifest();
  const auto wrapped = fault.wrap(backend);
  StreamDecoder decoder(manifest, *wrapped, first_states(bundle, manifest.codec.decoder));
  const auto rows = static_cast<std::size_t>(manifest.model.latent_channels), block = static_cast<std::size_t>(manifest.model.block);
  const auto channels = static_cast<std::size_t>(manifest.codec.audio_channels);
  const auto frame_size = static_cast<std::size_t>(manifest.codec.frame_size);
  const std::size_t runs = frames.size() / rows / block, samples = block * frame_size;
  std::vector<float> part(rows * block), made(channels * samples), audio(channels * runs * samples);
  for (std::size_t run = 0; run < runs; ++run) {
    copy_columns(frames, rows, run * block, part);
    decoder.decode(part, made);
    paste_columns(made, channels, audio, run * samples);
  }
  const std::size_t delay = static_cast<std::size_t>(manifest.codec.decoder.delay) * frame_size;
  std::vector<float> heard(channels * (runs * samples - std::min(delay, runs * samples)));
  copy_columns(audio, channels, std::min(delay, runs * samples), heard);
  return heard;
}

}  // namespace lmdm::validate
