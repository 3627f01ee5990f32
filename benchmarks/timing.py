"""Timing of several subjects in turn, so that a change of the machine's load touches all of them alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

import numpy as np

Subject = Callable[[], object]


@dataclass(frozen=True)
class Milliseconds:
    """Figures of one subject's runs, all in milliseconds; `spread` is the distance between the quartiles."""

    median: float
    spread: float
    p95: float
    p99: float
    fastest: float
    runs: int

    @classmethod
    def of(cls, samples: list[float]) -> Milliseconds:
        """Figures of `samples` in seconds."""
        ms = 1e3 * np.asarray(samples)
        low, median, high, p95, p99 = np.percentile(ms, [25, 50, 75, 95, 99])
        return cls(float(median), float(high - low), float(p95), float(p99), float(ms.min()), len(samples))

    def to_json(self) -> dict[str, float]:
        return {key: round(value, 4) for key, value in asdict(self).items()}


def in_turn(subjects: Mapping[str, Subject], runs: int, warm_up: int = 1, tick: Callable[[], object] | None = None) -> dict[str, list[float]]:
    """Seconds of every run of every subject: A, B, C, A, B, C, ... after `warm_up` rounds that do not count."""
    samples: dict[str, list[float]] = {name: [] for name in subjects}
    for turn in range(-warm_up, runs):
        for name, subject in subjects.items():
            start = time.perf_counter()
            subject()
            if turn >= 0:
                samples[name].append(time.perf_counter() - start)
        if tick is not None:
            tick()
    return samples
