"""Expected values from the checkpoint: fresh inputs by seed, torch in float64, and torch in float32 beside it to measure rounding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lmdm_export.bundle import configured
from lmdm_export.errors import ExportError
from lmdm_export.graphs import GraphSpec, build_graphs
from lmdm_export.manifest_document import file_sha256
from lmdm_export.settings import ExportSettings
from lmdm_export.validate.reference import Reference
from lmdm_export.validate.scenario import PROMPTS, SEED, USUAL_BLOCKS, Scenario, build_timeline, random_embedding
from lmdm_export.validate.torch_controls import controlled
from lmdm_export.validate.truth import AudioTruth, Begin, BlockProbe, GraphProbe, RolloutTruth, Tick
from lmdm_runtime.bundle import Bundle
from lmdm_train.checkpoint import load_instrument
from lmdm_train.checkpoint.own import checkpoint_files
from lmdm_train.config import Layout
from lmdm_train.model.instrument import Instrument

PROBES = 3
SILENT_PROBE = 1
DISTURBANCE = 1e-7
"""Size of the disturbance whose growth shows what the closed loop makes of anything as small as rounding."""


def load_checkpoint(bundle: Bundle, checkpoint: Path, t5: Path | None = None) -> Instrument:
    """The instrument that the bundle was made from.

    Raises:
        ExportError: another checkpoint, by its hash.
        CheckpointError: it cannot be read.
    """
    weights = checkpoint_files(checkpoint)[0]
    stated = bundle.manifest.checkpoint
    if weights.is_file() and (found := file_sha256(weights)) != stated["sha256"]:
        raise ExportError(
            f"{weights} has SHA-256 {found[:12]}…, {bundle.folder} was made from {stated['name']} with {stated['sha256'][:12]}…; "
            f"give that checkpoint, or export this one with: lmdm export {weights} -o {bundle.folder} --force"
        )
    return load_instrument(checkpoint, t5=t5)


class CheckpointTruth:
    """A checkpoint under the settings of its bundle."""

    def __init__(self, bundle: Bundle, instrument: Instrument, seed: int = SEED) -> None:
        manifest = bundle.manifest
        self.manifest, self.seed = manifest, seed
        self.name = f"torch {torch.__version__} with {manifest.checkpoint['name']}, float64"
        sampling, model, decoder = manifest.sampling, manifest.model, manifest.codec.decoder
        settings = ExportSettings(
            steps=len(sampling.schedule) - 1,
            solver=sampling.solver,  # type: ignore[arg-type]
            guidance=sampling.guidance,
            guidance_scale=sampling.guidance_scale,
            context_drop=sampling.context_drop,
            layout=Layout(context=model.context, block=model.block),
        )
        instrument = configured(instrument, settings)
        self.fade = decoder.fade or None
        seconds = instrument.config.seconds_total if sampling.seconds_total is None else sampling.seconds_total
        self.reference = Reference(instrument, sampling.schedule, seconds)

    @property
    def instrument(self) -> Instrument:
        return self.reference.instrument

    @property
    def usual_blocks(self) -> int:
        return USUAL_BLOCKS

    def graph_probes(self, begin: Begin) -> Iterator[GraphProbe]:
        """`PROBES` runs of every graph, each on what the graphs before it gave in the same round; caches and states are carried on."""
        single = {spec.name: spec for spec in build_graphs(self.instrument, self.fade).graphs}
        double = {spec.name: spec for spec in build_graphs(self.reference.precise, self.fade).graphs}
        tick = begin("torch: graphs", PROBES * len(single))
        known: dict[str, dict[str, Tensor]] = {"shared": {}}
        for number in range(PROBES):
            draw = np.random.default_rng([self.seed, number])
            for name, spec in single.items():
                known.setdefault(name, {})
                earlier = known["shared"] | known[name]
                inputs = {port: self._input(port, example, number, draw, earlier) for port, example in spec.inputs.items()}
                if name == "sketch":
                    inputs = sketch_inputs(spec, number, known[name])
                outputs = spec.run(inputs)
                exact = double[name].run({k: v.double() if v.is_floating_point() else v for k, v in inputs.items()})
                _carry(known, spec, outputs)
                tick()
                yield GraphProbe(
                    name,
                    {k: v.numpy() for k, v in inputs.items()},
                    {k: v.numpy() for k, v in exact.items()},
                    {k: float((v.double() - exact[k]).abs().max()) for k, v in outputs.items()},
                )

    def block_probes(self, begin: Begin) -> list[BlockProbe]:
        """The first block from a null context and after priming with audio, by Algorithm 1: a masked forward that knows of no cache."""
        tick = begin("torch: one block by Algorithm 1", 4)
        scenario = self._scenario(1, {0: [(PROMPTS[0], 1.0)]})
        probes = []
        for name, audio in (("block from a null context", None), ("block after priming with audio", self._primer())):
            made = {dtype: self._first_block(scenario, audio, dtype, tick) for dtype in (torch.float64, torch.float32)}
            rounding = float(np.max(np.abs(made[torch.float32] - made[torch.float64])))
            probes.append(BlockProbe(name, scenario, made[torch.float64][0], rounding, audio))
        return probes

    def rollout(self, blocks: int, begin: Begin) -> RolloutTruth:
        """The scenario by the cached algorithm in float64; float32 and a disturbed float64 run are the references of its rounding."""
        scenario = self._scenario(blocks, build_timeline(blocks))
        drop = self.manifest.sampling.context_drop or max(1, self.manifest.model.context // 2)
        runs = {"float64": (torch.float64, 0.0), "float32": (torch.float32, 0.0), "disturbed": (torch.float64, DISTURBANCE)}
        made = {}
        for name, (dtype, disturbance) in runs.items():
            tick = begin(f"torch: closed loop, {name}", blocks)
            rollout = self.reference.rollout(scenario, dtype, context_drop=drop, disturbance=disturbance)
            made[name] = self.reference.blocks(rollout, blocks, tick=tick)
        curves = {name: np.max(np.abs(made[name] - made["float64"]), axis=(1, 2)) for name in ("float32", "disturbed")}
        growth = curves["disturbed"] / DISTURBANCE
        facts = {"disturbance": DISTURBANCE, "amplification_first_block": growth[0], "amplification_worst": float(growth.max())}
        # The disturbance is smaller than what rounding amounts to in one block; the loop is linear in both.
        scale = curves["float32"][0] / max(curves["disturbed"][0], 1e-30)
        references = {"torch float32": curves["float32"], f"torch, noise + {DISTURBANCE:g}, x {scale:.2g}": scale * curves["disturbed"]}
        return RolloutTruth(scenario, made["float64"], references, drop, facts=facts)

    def audio(self, blocks: int, begin: Begin) -> AudioTruth:
        """The first blocks of the rollout, decoded at once."""
        tick = begin("torch: decode", blocks + 2)
        scenario = self._scenario(blocks, {0: [(PROMPTS[0], 1.0)]})
        latents = self.reference.blocks(self.reference.rollout(scenario, torch.float32), blocks, tick=tick)
        frames = np.concatenate(list(latents), axis=-1).astype(np.float32)
        streaming = self.manifest.codec.decoder
        whole = {dtype: self.reference.decoded(frames, streaming, dtype) for dtype in (torch.float64, torch.float32)}
        tick()
        streamed = whole if not streaming.fade else {dtype: self.reference.crossfaded(frames, streaming, dtype) for dtype in whole}
        tick()
        rounding = float(np.max(np.abs(streamed[torch.float32] - streamed[torch.float64])))
        return AudioTruth(frames, whole[torch.float64], streamed[torch.float64], rounding)

    def _scenario(self, blocks: int, timeline: Mapping[int, list[tuple[str, float]]]) -> Scenario:
        config = self.instrument.config
        scenario = controlled(Scenario(blocks, timeline, self.seed), config)
        if config.text.kind != "none":
            return scenario
        made = {prompt: random_embedding(prompt, config.text.tokens, config.text.width) for prompt in scenario.prompts}
        return replace(scenario, embeddings=made)

    def _first_block(self, scenario: Scenario, audio: np.ndarray | None, dtype: torch.dtype, tick: Tick) -> np.ndarray:
        start = None if audio is None else self.reference.primed(audio, self.manifest.codec.encoder, dtype)
        rollout = self.reference.rollout(scenario, dtype, start=start, primer=audio)
        return self.reference.blocks(rollout, 1, masked=True, tick=tick)

    def _primer(self) -> np.ndarray:
        """Noise of moderate level, a whole context and a bit long, [channels, samples]."""
        codec, model = self.manifest.codec, self.manifest.model
        samples = (model.context + model.block // 2) * codec.frame_size
        noise = np.random.default_rng([self.seed, 99]).standard_normal((codec.audio_channels, samples), dtype=np.float32)
        return 0.1 * noise

    def _input(self, name: str, example: Tensor, number: int, draw: np.random.Generator, known: Mapping[str, Tensor]) -> Tensor:
        if name in ("token_ids", "token_mask"):
            ids, mask = self.instrument.conditioner.tokenize([PROMPTS[number % len(PROMPTS)]])
            return ids if name == "token_ids" else mask
        if name in known and name != "audio" and known[name].shape == example.shape:
            return known[name]
        if name == "t":
            levels = self.manifest.sampling.schedule[:-1]
            return torch.full_like(example, levels[round(number * (len(levels) - 1) / (PROBES - 1))])
        if name == "past_frames":
            return torch.full_like(example, min(number * self.manifest.model.block, self.manifest.model.context))
        if name == "seconds" or name.startswith(("state_", "raw_k_", "self_v_")):
            return example
        # Silence and a null context come with every stream, and show faults that noise hides.
        scale = 0.0 if number == SILENT_PROBE and name in ("audio", "context") else 0.1 if name == "audio" else 1.0
        return torch.from_numpy(scale * draw.standard_normal(tuple(example.shape), dtype=np.float32)).to(example.dtype)


def sketch_inputs(spec: GraphSpec, number: int, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A sketch hears silence, then tones, since what it makes of noise hangs on the last bit: which peaks are the strongest.

    The last run, in which faults are made, has sound behind it: a state that was lost could not be told from one that had heard silence.
    """
    audio, smoothing = spec.inputs["audio"], spec.inputs["smoothing"]
    heard = {"audio": torch.zeros_like(audio) if number == 0 else audio, "smoothing": smoothing.roll(PROBES - 1 - number)}
    return {**spec.inputs, **state, **heard}


def _carry(known: dict[str, dict[str, Tensor]], spec: GraphSpec, outputs: Mapping[str, Tensor]) -> None:
    """Outputs that other graphs take go to all; `X_out` comes back as the X of the same graph, and a cache is read by the decoder too."""
    for name, value in outputs.items():
        own = name.removesuffix("_out")
        if own != name:
            known[spec.name][own] = value
        if own == name or own.startswith("self_v_"):
            known["shared"][own] = value
