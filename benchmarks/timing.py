"""Timing of several subjects in turn, so that a change of the machine's load touches all of them alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np

Subject = Callable[[], object]


class Sample(NamedTuple):
    """Seconds of one run: on the wall, and of the processor over all threads of this process."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class Milliseconds:
    """Figures of one subject's runs, all in milliseconds; `spread` is the distance between the quartiles.

    `cpu` is the median of processor time over all threads, which other work on the machine disturbs less than the clock on the wall.
    """

    median: float
    spread: float
    p95: float
    p99: float
    fastest: float
    cpu: float
    runs: int

    @classmethod
    def of(cls, samples: list[Sample]) -> Milliseconds:
        ms = 1e3 * np.array([sample.wall for sample in samples])
        cpu = 1e3 * float(np.median([sample.cpu for sample in samples]))
        low, median, high, p95, p99 = np.percentile(ms, [25, 50, 75, 95, 99])
        return cls(float(median), float(high - low), float(p95), float(p99), float(ms.min()), cpu, len(samples))

    def to_json(self) -> dict[str, float]:
        return {key: round(value, 4) for key, value in asdict(self).items()}


def in_turn(subjects: Mapping[str, Subject], runs: int, warm_up: int = 1) -> dict[str, list[Sample]]:
    """Every run of every subject: A, B, C, A, B, C, ... after `warm_up` rounds that do not count."""
    samples: dict[str, list[Sample]] = {name: [] for name in subjects}
    for turn in range(-warm_up, runs):
        for name, subject in subjects.items():
            cpu, wall = time.process_time(), time.perf_counter()
            subject()
            if turn >= 0:
                samples[name].append(Sample(time.perf_counter() - wall, time.process_time() - cpu))
    return samples
