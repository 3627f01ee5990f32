"""Inputs, noise and outputs of the torch reference, kept in the bundle so that any machine can check itself.

Each fixture comes with what was measured (the rounding of torch in float32 against float64) and with the tolerance that follows from it.
"""

from __future__ import annotations

import copy
import json
import zlib
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lmdm_export.graphs import GraphSpec, InstrumentGraphs
from lmdm_export.validate.bounds import CLOSED_LOOP_FACTOR, rounding_bound
from lmdm_export.validate.scenario import PROMPTS, SAMPLE, SEED, USUAL_BLOCKS, Scenario, build_timeline, random_embedding
from lmdm_export.validate.torch_controls import control_frames, controlled, windows
from lmdm_runtime.noise import Noise
from lmdm_train.config import InstrumentConfig
from lmdm_train.model.instrument import Instrument
from lmdm_train.rollout import Rollout, cached_blocks
from lmdm_train.rollout.prompts import PromptTimeline

Json = dict[str, Any]
Arrays = dict[str, np.ndarray]

# One decode of all frames in float64 takes gigabytes with a full-size Oobleck; three blocks have two seams.
DECODED_FRAMES = 128
FEWEST_DECODED_BLOCKS = 3
# A closed loop in float64 costs more than the export itself; these blocks hold its start and the first change of prompt.
EXACT_BLOCKS = 16
EXACT_BLOCKS_OF_LARGE = 4
LARGE_PARAMETERS = 50_000_000
# A block of a 340M network in torch takes many seconds, and lmdm validate --checkpoint runs all 64 anyway. 16 blocks still hold every kind
# of prompt change.
BLOCKS_OF_LARGE = 16


def write_fixtures(
    folder: Path, instrument: Instrument, graphs: InstrumentGraphs, blocks: int, on_stage: Callable[[str], object] | None = None
) -> Json:
    """Write `fixtures/*.npz` and return their entries for the manifest. `on_stage` hears of the rollout's progress.

    - `graph_NAME`: `input_PORT` and `output_PORT` of one run; each graph runs on the outputs of those before it.
    - `block`: the first block of the rollout with its noise and prompt embeddings.
    - `rollout`: `blocks` closed-loop blocks under a timeline with prompt changes and mixes, from a null context.
    - `audio`: the first blocks of the rollout decoded at once.
    """
    (folder / "fixtures").mkdir()
    made = {f"graph_{spec.name}": fixture for spec, fixture in _graph_runs(instrument, graphs)}
    precise = copy.deepcopy(instrument).double()
    made["rollout"], made["block"] = _rollouts(instrument, precise, blocks, on_stage or str)
    made["audio"] = _audio(instrument, precise, made["rollout"][0]["blocks"])
    entries = {}
    for name, (arrays, measured) in made.items():
        np.savez(folder / "fixtures" / f"{name}.npz", **arrays)  # type: ignore[arg-type]
        entries[name] = {"file": f"fixtures/{name}.npz", "tolerance": _tolerance(name, measured), "measured": measured}
    return entries


def _tolerance(fixture: str, measured: Json) -> Json:
    """`by_output`: largest absolute error of each output; `max_abs`: the largest of these over music and K/V, not over clocks."""
    factor = {"factor": CLOSED_LOOP_FACTOR} if fixture == "rollout" else {}
    bounds = {name: rounding_bound(rounding, measured["peak"][name], **factor) for name, rounding in measured["float32_rounding"].items()}
    widest = max((bound for name, bound in bounds.items() if not name.startswith("state_")), key=lambda bound: bound.value)
    return {"max_abs": widest.value, "reason": widest.reason, "by_output": {name: bound.value for name, bound in bounds.items()}}


def is_large(instrument: Instrument) -> bool:
    """Whether the torch rollouts of a fixture would take longer than everything else in an export."""
    return sum(parameter.numel() for parameter in instrument.dit.parameters()) > LARGE_PARAMETERS


def usual_blocks(instrument: Instrument) -> int:
    """Length of the closed-loop fixture unless another is asked for."""
    return BLOCKS_OF_LARGE if is_large(instrument) else USUAL_BLOCKS


def text_embedding(instrument: Instrument, prompt: str) -> Tensor:
    """Embedding [1, T, W] of a prompt; random by prompt where the caller supplies embeddings."""
    text = instrument.config.text
    if text.kind == "none":
        return torch.from_numpy(random_embedding(prompt, text.tokens, text.width))
    with torch.no_grad():
        return instrument.conditioner.encode_prompts([prompt])


def _graph_runs(instrument: Instrument, graphs: InstrumentGraphs) -> list[tuple[GraphSpec, tuple[Arrays, Json]]]:
    known: dict[str, Tensor] = {}
    runs = []
    for number, spec in enumerate(graphs.graphs):
        inputs = {name: _input(name, example, number, instrument, known) for name, example in spec.inputs.items()}
        if spec.name == "sketch":
            # Noise has no peaks that rounding leaves alone; the examples are a moment of music.
            inputs = dict(spec.inputs)
        outputs = spec.run(inputs)
        known |= outputs
        wide = GraphSpec(spec.name, copy.deepcopy(spec.module).double(), spec.inputs, spec.outputs)
        exact = wide.run({name: value.double() if value.is_floating_point() else value for name, value in inputs.items()})
        arrays = {f"input_{k}": v.numpy() for k, v in inputs.items()} | {f"output_{k}": v.numpy() for k, v in outputs.items()}
        runs.append((spec, (arrays, _measured(outputs, exact))))
    return runs


def _input(name: str, example: Tensor, graph: int, instrument: Instrument, known: Mapping[str, Tensor]) -> Tensor:
    """What a graph is run on: real values where earlier graphs or the tokenizer give them, otherwise noise."""
    if name in ("token_ids", "token_mask"):
        ids, mask = instrument.conditioner.tokenize([PROMPTS[0]])
        return ids if name == "token_ids" else mask
    if name in known and known[name].shape == example.shape:
        return known[name]
    if name == "t":
        return torch.full_like(example, 0.7)
    if name == "past_frames":
        # Fewer than the cache holds, so that a graph that ignores the count is caught.
        return torch.full_like(example, instrument.config.layout.block)
    if name in ("seconds", "state_clock"):
        return example
    noise = torch.from_numpy(Noise(SEED + 1 + graph).block(zlib.crc32(name.encode()), 0, tuple(example.shape)))
    if name == "audio":
        # Silence too, where guards such as `sqrt(x + 1e-12)` decide the result.
        noise[..., noise.shape[-1] // 2 :] = 0
    return 0.1 * noise if name.startswith(("audio", "state_")) else noise


def _rollouts(
    instrument: Instrument, precise: Instrument, blocks: int, on_stage: Callable[[str], object]
) -> tuple[tuple[Arrays, Json], tuple[Arrays, Json]]:
    mixes = build_timeline(blocks)
    prompts = sorted({prompt for mix in mixes.values() for prompt, _ in mix})
    embeddings = {prompt: text_embedding(instrument, prompt) for prompt in prompts}
    config = instrument.config
    scenario = controlled(Scenario(blocks, mixes), config)
    noise, shape = Noise(SEED), (1, config.dit.latent_channels, config.layout.block)

    def run(which: Instrument, dtype: torch.dtype, count: int) -> Tensor:
        rollout = Rollout.of(
            which,
            PromptTimeline(mixes),
            lambda block, draw: torch.from_numpy(noise.block(block, draw, shape)).to(dtype),
            seconds=config.seconds_total,
            embeddings={k: v.to(dtype) for k, v in embeddings.items()},
            controls=windows(config, control_frames(config, scenario, dtype)),
        )
        made = []
        for number, block in enumerate(islice(cached_blocks(rollout), count), start=1):
            made.append(block)
            if number % 8 == 0 or number == count:
                on_stage(f"fixtures: block {number} of {count} in {str(dtype).removeprefix('torch.')}")
        return torch.cat(made)

    sure = min(blocks, EXACT_BLOCKS_OF_LARGE if is_large(instrument) else EXACT_BLOCKS)
    made, exact = run(instrument, torch.float32, blocks), run(precise, torch.float64, sure)
    draws = config.sampling.steps if config.sampling.solver == "ping-pong" else 1
    shared: Arrays = {
        "seed": np.array(SEED, dtype=np.int64),
        "timeline": np.array(json.dumps(sorted(mixes.items()))),
        **_given(config, scenario),
    }
    whole = {**shared, "blocks": made.numpy()}
    whole |= {"prompts": np.array(prompts), "embeddings": torch.cat([embeddings[p] for p in prompts]).numpy()}
    first = {**shared, "block": made[:1].numpy(), "noise": np.stack([noise.block(0, draw, shape) for draw in range(draws)])}
    first |= {"prompt": np.array(mixes[0][0][0]), "embedding": embeddings[mixes[0][0][0]].numpy()}
    drift = (made[:sure].double() - exact).abs().amax(dim=(1, 2)).tolist()
    measured = _measured({"blocks": made[:sure]}, {"blocks": exact})
    # Blocks that were not run in float64 are taken to be as far off as the worst that was.
    measured |= {"float64_blocks": sure, "float32_rounding_by_block": [*drift, *[max(drift)] * (blocks - sure)]}
    return (whole, measured), (first, _measured({"block": made[:1]}, {"block": exact[:1]}))


def _given(config: InstrumentConfig, scenario: Scenario) -> Arrays:
    """What a runtime is given in a rollout, and as `control_NAME` what the sketch shall make of it; audio as 16-bit integers."""
    frames = control_frames(config, scenario, torch.float32)
    made = {f"control_{name}": v[..., config.layout.context :].numpy() for name, v in frames.items() if not name.startswith("accomp_")}
    if scenario.sketch is not None:
        made |= {"sketch": (scenario.sketch * SAMPLE).astype(np.int16), "smoothing": np.array(scenario.smoothing)}
    if scenario.accompaniment is not None:
        made["accompaniment"] = scenario.accompaniment
    return made


@torch.no_grad()
def _audio(instrument: Instrument, precise: Instrument, blocks: np.ndarray) -> tuple[Arrays, Json]:
    count = max(FEWEST_DECODED_BLOCKS, DECODED_FRAMES // blocks.shape[-1])
    frames = torch.from_numpy(np.concatenate(list(blocks[:count]), axis=-1))[None]
    audio, exact = instrument.codec.decode(frames), precise.codec.decode(frames.double())
    return {"frames": frames.numpy(), "audio": audio.numpy()}, _measured({"audio": audio}, {"audio": exact})


def _measured(outputs: Mapping[str, Tensor], exact: Mapping[str, Tensor]) -> Json:
    """Rounding of float32 against float64 and the largest value, by output."""
    rounding = {name: float((value.double() - exact[name].double()).abs().max()) for name, value in outputs.items()}
    return {"float32_rounding": rounding, "peak": {name: float(value.abs().max()) for name, value in exact.items()}}
