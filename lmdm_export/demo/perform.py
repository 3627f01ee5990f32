"""Plays a score on a session, block after block, and measures every block."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lmdm_export.demo.score import Score
from lmdm_export.errors import ExportError
from lmdm_runtime.session import Session


@dataclass(frozen=True)
class Performance:
    """What was played.

    `audio` is float32 [channels, samples]: the primer, then the generated blocks. `marks` are (second in `audio`, prompt).
    `whole_ms` is the wall time of each block with its change of prompt; `stages_ms` are the session's own timings of the same blocks.
    """

    audio: np.ndarray
    primer_samples: int
    marks: tuple[tuple[float, str], ...]
    prime_ms: float
    whole_ms: tuple[float, ...]
    stages_ms: tuple[dict[str, float], ...]


def perform(
    session: Session, score: Score, primer: np.ndarray, sample_rate: int, block_seconds: float, on_block: Callable[[int, int], None]
) -> Performance:
    """Prime `session` with `primer` [channels, samples] (which may be empty) and play `score`; `on_block` gets (blocks made, all blocks).

    Raises ExportError when the instrument produces a sample that is not finite.
    """
    prompts = score.blocks(block_seconds)
    session.set_prompt(score.cues[0].prompt)
    prime_ms = 0.0
    if primer.size:
        start = time.perf_counter()
        session.prime(primer)
        prime_ms = 1000 * (time.perf_counter() - start)
    blocks, marks, whole_ms, stages_ms = [primer], [], [], []
    begin = primer.shape[1] / sample_rate
    for index, prompt in enumerate(prompts):
        start = time.perf_counter()
        if prompt is not None:
            session.set_prompt(prompt)
            marks.append((begin + index * block_seconds, prompt))
        blocks.append(session.next_block())
        whole_ms.append(1000 * (time.perf_counter() - start))
        stages_ms.append(dict(session.timings))
        if not np.isfinite(blocks[-1]).all():
            raise ExportError(f"block {index} holds samples that are not finite; check the bundle with: lmdm validate")
        on_block(index + 1, len(prompts))
    return Performance(np.concatenate(blocks, axis=1), primer.shape[1], tuple(marks), prime_ms, tuple(whole_ms), tuple(stages_ms))
