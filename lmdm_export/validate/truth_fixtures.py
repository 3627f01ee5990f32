"""Expected values from the fixtures of the bundle itself: needs no checkpoint and no torch."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from lmdm_export.errors import ExportError
from lmdm_export.validate.scenario import FEWEST_BLOCKS, SAMPLE, USUAL_BLOCKS, Scenario
from lmdm_export.validate.truth import Arrays, AudioTruth, Begin, BlockProbe, GraphProbe, RolloutTruth, Unavailable
from lmdm_runtime.bundle import Bundle

AGAIN = "export the checkpoint again with lmdm export"


class FixtureTruth:
    """The torch reference as it was stored when the bundle was written, in float32, with the rounding that was measured then."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle, self.manifest = bundle, bundle.manifest
        self.name = f"the bundle's fixtures (torch {self.manifest.created_with.get('torch', 'of unknown version')}, float32)"

    @property
    def usual_blocks(self) -> int:
        """As many as are stored, and no more than usual."""
        entry = self.manifest.fixtures.get("rollout")
        return USUAL_BLOCKS if entry is None else min(USUAL_BLOCKS, len(entry.measured["float32_rounding_by_block"]))

    def graph_probes(self, begin: Begin) -> Iterator[GraphProbe]:
        """The stored run of every graph."""
        tick = begin("fixtures: graphs", len(self.manifest.graphs))
        for graph in self.manifest.graphs:
            arrays, measured = self._load(f"graph_{graph}")
            inputs = {name.removeprefix("input_"): value for name, value in arrays.items() if name.startswith("input_")}
            expected = {name.removeprefix("output_"): value for name, value in arrays.items() if name.startswith("output_")}
            tick()
            yield GraphProbe(graph, inputs, expected, measured["float32_rounding"])

    def block_probes(self, begin: Begin) -> list[BlockProbe]:
        """The stored first block, and the one of the stored rollout at which the context is full; a null context hides faults."""
        arrays, measured = self._load("block")
        first = BlockProbe(
            "block from a null context", self._scenario(arrays).first(1), arrays["block"][0], measured["float32_rounding"]["block"]
        )
        arrays, measured = self._load("rollout")
        model = self.manifest.model
        full = min(-(-model.context // model.block), len(arrays["blocks"]) - 1)
        rounding = max(measured["float32_rounding_by_block"][: full + 1])
        scenario = self._scenario(arrays).first(full + 1)
        return [first, BlockProbe(f"block after {full} others", scenario, arrays["blocks"][full], rounding)]

    def rollout(self, blocks: int, begin: Begin) -> RolloutTruth:
        """The stored closed loop, or its first `blocks` blocks.

        Raises:
            Unavailable: it is shorter than that.
        """
        arrays, measured = self._load("rollout")
        stored = arrays["blocks"].shape[0]
        if stored < max(blocks, FEWEST_BLOCKS):
            raise Unavailable(f"the fixture holds {stored} blocks, {blocks} were asked for; give --checkpoint, or --blocks {stored}")
        curve = np.asarray(measured["float32_rounding_by_block"][:blocks], np.float64)
        scenario, drop = self._scenario(arrays).first(blocks), self.manifest.sampling.context_drop
        # The export runs float64 for the first blocks only, and a closed loop may amplify rounding at any later one.
        return RolloutTruth(scenario, arrays["blocks"][:blocks], {"torch float32": curve}, drop, measure_in_runtime=True)

    def audio(self, blocks: int, begin: Begin) -> AudioTruth:
        """The stored decode of all frames.

        Raises:
            Unavailable: the codec crossfades, so the stored decode is not what the stream should give.
        """
        if self.manifest.codec.decoder.fade:
            raise Unavailable("this codec crossfades and its exact stream is not in the fixtures; give --checkpoint")
        arrays, measured = self._load("audio")
        frames, audio = arrays["frames"][0], arrays["audio"][0]
        # A stream begins after null frames, the stored decode after nothing.
        return AudioTruth(frames, audio, audio, measured["float32_rounding"]["audio"], self.manifest.codec.decoder.left)

    def _load(self, name: str) -> tuple[Arrays, dict[str, Any]]:
        entry = self.manifest.fixtures.get(name)
        if entry is None:
            raise ExportError(f"the bundle {self.bundle.folder} has no fixture {name}; give --checkpoint, or {AGAIN}")
        return self.bundle.arrays(entry.file), entry.measured

    def _scenario(self, arrays: Arrays) -> Scenario:
        timeline = {int(block): [(prompt, float(weight)) for prompt, weight in mix] for block, mix in json.loads(str(arrays["timeline"]))}
        callers = [group.name for control in self.manifest.controls if control.source == "caller" for group in control.groups]
        controls = {name: arrays[f"control_{name}"][0] for name in callers}
        embeddings: Arrays = {}
        if self.manifest.text is None:
            prompts = np.atleast_1d(arrays["prompts"] if "prompts" in arrays else arrays["prompt"])
            stored = arrays["embeddings"] if "embeddings" in arrays else arrays["embedding"]
            embeddings = {str(prompt): stored[index][None] for index, prompt in enumerate(prompts)}
        blocks = len(arrays["blocks"]) if "blocks" in arrays else 1
        made = Scenario(blocks, timeline, int(arrays["seed"]), controls, embeddings, accompaniment=arrays.get("accompaniment"))
        if self.manifest.sketch is None:
            return made
        sketched = tuple(control.kind for control in self.manifest.controls if control.source == "sketch")
        heard = arrays["sketch"].astype(np.float32) / np.float32(SAMPLE)
        return replace(made, sketch=heard, sketched=sketched, smoothing=int(arrays["smoothing"]))
