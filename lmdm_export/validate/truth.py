"""What a bundle is held against: plain arrays with the rounding that was measured for them, wherever they come from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lmdm_export.validate.scenario import Scenario

Arrays = dict[str, NDArray]
Tick = Callable[[], object]
Begin = Callable[[str, int], Tick]
"""`begin(label, total)` starts a bar of progress and returns what advances it by one."""


def silent(label: str, total: int) -> Tick:
    """No progress shown."""
    return lambda: None


@dataclass(frozen=True)
class GraphProbe:
    """One run of one graph. `rounding` is torch's float32 against float64, by output."""

    graph: str
    inputs: Arrays
    expected: Arrays
    rounding: Mapping[str, float]


@dataclass(frozen=True)
class BlockProbe:
    """The last block of a scenario, [channels, o], which begins with a null context or continues `audio` [channels, samples]."""

    name: str
    scenario: Scenario
    expected: NDArray
    rounding: float
    audio: NDArray | None = None


@dataclass(frozen=True)
class RolloutTruth:
    """Closed-loop blocks [blocks, channels, o]. `references` are error curves [blocks] whose only cause is rounding or a disturbance of
    that size; where they do not show how the loop amplifies later on, `measure_in_runtime` asks for such a curve from the runtime itself.
    `context_drop` is what the runtime must use, `facts` are figures worth reporting."""

    scenario: Scenario
    expected: NDArray
    references: dict[str, NDArray[np.float64]]
    context_drop: int
    measure_in_runtime: bool = False
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class AudioTruth:
    """Frames [channels, N] and their audio [channels, samples], decoded at once.

    `streamed` is what the stream should give: `audio` itself, or less exact where the bundle's codec crossfades to look ahead less.
    `rounding` belongs to `streamed`. The first `warm_up` frames are no part of the comparison: something else stood before them.
    """

    frames: NDArray[np.float32]
    audio: NDArray
    streamed: NDArray
    rounding: float
    warm_up: int = 0


class Unavailable(Exception):
    """This truth cannot say what a step needs; the message says why."""


class Truth(Protocol):
    """Where the expected values come from: a checkpoint through torch, or the fixtures of the bundle."""

    name: str

    @property
    def usual_blocks(self) -> int:
        """Length of the closed loop unless another is asked for."""
        ...

    def graph_probes(self, begin: Begin) -> Iterator[GraphProbe]: ...

    def block_probes(self, begin: Begin) -> list[BlockProbe]: ...

    def rollout(self, blocks: int, begin: Begin) -> RolloutTruth: ...

    def audio(self, blocks: int, begin: Begin) -> AudioTruth: ...
