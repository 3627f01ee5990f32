"""Which number of threads makes a block soonest, measured at the pace of playback, and the rule that chooses.

The pace matters: blocks that follow each other at once keep threads awake and caches warm, which a block every 372 ms does not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from lmdm_runtime.backends.onnxruntime import OrtOptions
from lmdm_runtime.bundle import Bundle
from lmdm_runtime.session import Session
from lmdm_runtime.thread_choice import ThreadChoice

ROUNDS = 3
WARM_UP = 2
FEWEST = 3
"""Blocks a round, however short the measurement."""

NEAR = 1.1
"""The fewest threads within this share of the shortest time: a tenth is what a measurement repeats to on a quiet machine, and cores that
are left free serve the host."""
SPINNING_WINS = 0.75
"""Spinning must save a quarter: between two blocks its threads take whole cores from the audio thread."""


@dataclass
class Trial:
    """Blocks made with one setting: milliseconds of each, and of processor time from the first block to the end of the last period."""

    choice: ThreadChoice
    block_ms: list[float] = field(default_factory=list)
    cpu_ms: float = 0.0

    def percentile(self, share: float) -> float:
        """Of the time of a block, ms."""
        return float(np.percentile(self.block_ms, share))

    def to_json(self) -> dict[str, Any]:
        return {
            **asdict(self.choice),
            "blocks": len(self.block_ms),
            "p50_ms": round(self.percentile(50), 2),
            "p95_ms": round(self.percentile(95), 2),
            "cpu_ms_per_block": round(self.cpu_ms / len(self.block_ms), 2),
        }


def candidates(cores: int) -> list[ThreadChoice]:
    """Every number of threads up to 8, then doubled, and all `cores`; each asleep and spinning while it waits, but for one alone."""
    counts = sorted({*range(1, min(cores, 8) + 1), *(16 << shift for shift in range(8) if 16 << shift < cores), cores})
    return [ThreadChoice(threads, spinning) for threads in counts for spinning in (False, True) if threads > 1 or not spinning]


def measure(bundle: Bundle, choices: Iterable[ThreadChoice], seconds: float, tick: Callable[[], None] = lambda: None) -> list[Trial]:
    """Plays `seconds` of every choice, in three rounds in turn, so that a disturbance meets them all; `tick` is called after each part.

    Every part opens a session of its own: memory holds one at a time.
    """
    codec = bundle.manifest.codec
    period = bundle.manifest.model.block * codec.frame_size / codec.sample_rate
    blocks = max(FEWEST, round(seconds / period / ROUNDS))
    trials = [Trial(choice) for choice in choices]
    for turn in range(ROUNDS):
        for trial in trials if turn % 2 == 0 else reversed(trials):
            _play(bundle, trial, blocks, period)
            tick()
    return trials


def choose(trials: Sequence[Trial]) -> ThreadChoice:
    """The fewest threads whose 95th percentile is within `NEAR` of the shortest; spinning where that is below `SPINNING_WINS` of it."""
    sleeping = _fewest([trial for trial in trials if not trial.choice.spinning])
    spinning = [trial for trial in trials if trial.choice.spinning]
    if spinning and _fewest(spinning).percentile(95) < SPINNING_WINS * sleeping.percentile(95):
        return _fewest(spinning).choice
    return sleeping.choice


def _fewest(trials: Sequence[Trial]) -> Trial:
    shortest = min(trial.percentile(95) for trial in trials)
    return min((trial for trial in trials if trial.percentile(95) <= NEAR * shortest), key=lambda trial: trial.choice.threads)


def _play(bundle: Bundle, trial: Trial, blocks: int, period: float) -> None:
    session = Session(bundle, options=OrtOptions(threads=trial.choice.threads, spinning=trial.choice.spinning))
    model = bundle.manifest.model
    if bundle.manifest.text is None:  # the values of an embedding change no time
        session.set_embedding("", np.zeros((model.text_tokens, model.text_width), np.float32))
    session.set_prompt("")
    for _ in range(WARM_UP):
        session.next_block()
    due, used = time.perf_counter(), time.process_time()
    for _ in range(blocks):
        began = time.perf_counter()
        session.next_block()
        ended = time.perf_counter()
        trial.block_ms.append(1000 * (ended - began))
        due = max(due + period, ended)
        time.sleep(due - ended)
    trial.cpu_ms += 1000 * (time.process_time() - used)
