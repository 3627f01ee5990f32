"""What the blocks of a performance cost, against the time that they last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

WHOLE = "whole block"


@dataclass(frozen=True)
class Cost:
    """Milliseconds of one stage over the `runs` blocks in which it ran."""

    stage: str
    runs: int
    p50: float
    p95: float
    worst: float


@dataclass(frozen=True)
class Latency:
    """Cost of each stage and of whole blocks, with what follows for playback.

    `period_ms` is the duration S of a block; gapless playback needs every block made in less. `look_ahead_ms` is what the codec waits for.
    """

    period_ms: float
    look_ahead_ms: float
    stages: tuple[Cost, ...]
    whole: Cost
    late_blocks: int

    @property
    def headroom(self) -> float:
        """Share of the block's duration that is left over, at the 95th percentile; below 0 playback has gaps."""
        return 1.0 - self.whole.p95 / self.period_ms

    @property
    def speed(self) -> float:
        """How many times faster than real time a block of the 95th percentile is made."""
        return self.period_ms / self.whole.p95

    @property
    def round_trip_ms(self) -> float:
        """Δ = S + τ, with τ of the 95th percentile and the codec's look-ahead."""
        return self.period_ms + self.whole.p95 + self.look_ahead_ms


def summarise(whole_ms: Sequence[float], stages_ms: Sequence[dict[str, float]], period_ms: float, look_ahead_ms: float = 0.0) -> Latency:
    """Percentiles of measured blocks. `stages_ms` holds each block's own stages; a stage may be absent from a block."""
    names = list(dict.fromkeys(name for block in stages_ms for name in block))
    stages = tuple(_cost(name, [block[name] for block in stages_ms if name in block]) for name in names)
    return Latency(period_ms, look_ahead_ms, stages, _cost(WHOLE, whole_ms), sum(ms > period_ms for ms in whole_ms))


def _cost(stage: str, milliseconds: Sequence[float]) -> Cost:
    p50, p95 = np.percentile(milliseconds, [50, 95])
    return Cost(stage, len(milliseconds), float(p50), float(p95), float(max(milliseconds)))
