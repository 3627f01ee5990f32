#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "lmdm/backend.h"
#include "lmdm/bundle.h"
#include "validate/faults.h"
#include "validate/fixtures.h"
#include "validate/scenario.h"

/// The side under test: a bundle through this runtime, healthy or with one fault.
namespace lmdm::validate {

/// One run of a graph in buffers of its own: its outputs by name.
[[nodiscard]] Arrays run_graph(const Bundle& bundle, const std::shared_ptr<Backend>& backend, const std::string& graph,
                               const Arrays& inputs, const Fault& fault = {});

/// Hears of every block that was made: latents [C, o], and audio [channels, samples] where it is decoded.
using OnBlock = std::function<void(std::span<const float> latents, std::span<const float> audio)>;

/// Plays a scenario through a session; `decode` makes audio as well. The audio that `prime` heard comes first, without latents.
void play(const Bundle& bundle, const std::shared_ptr<Backend>& backend, const Scenario& scenario, const Fault& fault, bool decode,
          const OnBlock& on_block);

/// The clean blocks of a scenario, each [C, o].
[[nodiscard]] std::vector<std::vector<float>> blocks_of(const Bundle& bundle, const std::shared_ptr<Backend>& backend,
                                                        const Scenario& scenario, const Fault& fault = {});

/// Frames [C, N] decoded block by block, without the silence of the codec's delay: [channels, samples].
[[nodiscard]] std::vector<float> decode_stream(const Bundle& bundle, const std::shared_ptr<Backend>& backend, std::span<const float> frames,
                                               const Fault& fault = {});

}  // namespace lmdm::validate
