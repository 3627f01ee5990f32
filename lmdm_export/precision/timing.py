"""What a variant's block costs on this machine, measured in turn with float32 so that other work on the machine touches both alike."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmdm_export.precision.network import steps_of
from lmdm_export.validate.truth import silent
from lmdm_export.validate.truth_fixtures import FixtureTruth
from lmdm_runtime.backends.base import Backend, Buffer
from lmdm_runtime.bundle import Bundle

USUAL_ROUNDS = 15
STAGES = {"step": "cached_decoder", "context": "context_encoder"}


@dataclass(frozen=True)
class Spread:
    """Quartiles of repeated measurements; `median` stands for them."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> Spread:
        return cls(*(float(value) for value in np.percentile(values, [25, 50, 75])))

    def below(self, other: Spread) -> bool:
        """Whether this is smaller beyond the spread of both: the quartiles do not overlap."""
        return self.high < other.low


@dataclass(frozen=True)
class Cost:
    """Milliseconds of one step and of one context pass. `ratio`: a block's network time over that of float32 in the same round."""

    step: Spread
    context: Spread
    ratio: Spread

    def to_json(self) -> dict[str, Any]:
        return {"step_ms": asdict(self.step), "context_ms": asdict(self.context), "ratio": asdict(self.ratio)}


@dataclass(frozen=True)
class Subject:
    """A bundle and the backend that its graphs are loaded in."""

    bundle: Bundle
    backend: Backend

    def stages(self) -> dict[str, Callable[[], None]]:
        """One run of each stage on the inputs of its fixture."""
        inputs = {probe.graph: probe.inputs for probe in FixtureTruth(self.bundle).graph_probes(silent) if probe.graph in STAGES.values()}
        made = {}
        for stage, graph in STAGES.items():
            entry = self.bundle.manifest.graphs[graph]
            buffers: dict[str, Buffer] = {port.name: self.backend.buffer(port) for port in (*entry.inputs, *entry.outputs)}
            binding = self.backend.bind(graph, buffers)
            for port in entry.inputs:
                buffers[port.name].write(inputs[graph][port.name])
            made[stage] = binding.run
        return made


def cost_beside(float32: Subject, variant: Subject, rounds: int = USUAL_ROUNDS) -> tuple[Cost, Cost]:
    """The cost of both, float32 first: A, B, A, B, … over `rounds` rounds, and one that does not count."""
    subjects = (float32.stages(), variant.stages())
    steps = steps_of(float32.bundle.manifest)
    samples = np.array([[_round(stages, steps) for stages in subjects] for _ in range(rounds + 1)])[1:]
    step, context = samples[..., 0], samples[..., 1]
    block = context + steps * step
    first, second = (
        Cost(Spread.of(step[:, side]), Spread.of(context[:, side]), Spread.of(block[:, side] / block[:, 0])) for side in (0, 1)
    )
    return first, second


def _round(stages: dict[str, Callable[[], None]], steps: int) -> tuple[float, float]:
    """Milliseconds of a step, as the mean over those of a block, and of a context pass."""
    start = time.perf_counter()
    stages["context"]()
    between = time.perf_counter()
    for _ in range(steps):
        stages["step"]()
    return 1e3 * (time.perf_counter() - between) / steps, 1e3 * (between - start)
