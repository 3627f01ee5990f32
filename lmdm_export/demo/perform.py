"""Plays a prompt script on a session, block after block, and measures every block."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lmdm_runtime.audio_io import WavWriter
from lmdm_runtime.joining import primed_opening
from lmdm_runtime.prompt_script import PromptScript
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
    session: Session,
    script: PromptScript,
    blocks: int,
    primer: np.ndarray,
    writer: WavWriter,
    sample_rate: int,
    block_seconds: float,
    on_block: Callable[[], object],
) -> Performance:
    """Prime `session` with `primer` [channels, samples] (which may be empty) and play `blocks` blocks into `writer`, after the primer.

    Raises AudioError when the instrument produces a sample that is not finite.
    """
    changes = script.by_block(block_seconds)
    session.set_prompts(list(changes[0]))
    opening, skipped, prime_ms = primer, session.delay_samples, 0.0
    if primer.size:
        start = time.perf_counter()
        opening, skipped = primed_opening(session, primer)
        prime_ms = 1000 * (time.perf_counter() - start)
    writer.write(opening)
    # Where the first block sounds: a codec that looks ahead gives it late.
    begin = (opening.shape[1] + session.delay_samples - skipped) / sample_rate
    audio, marks, whole_ms, stages_ms = [opening], [], [], []
    for index in range(blocks):
        start = time.perf_counter()
        if index in changes:
            session.set_prompts(list(changes[index]))
            marks.append((begin + index * block_seconds, " + ".join(prompt for prompt, _ in changes[index])))
        block = session.next_block()
        whole_ms.append(1000 * (time.perf_counter() - start))
        # The session times its look at the prompt in every block; only a change costs anything worth a row.
        idle = {"total"} if index in changes else {"total", "prompt"}
        stages_ms.append({stage: ms for stage, ms in session.timings.items() if stage not in idle})
        audio.append(block[:, max(0, skipped - index * block.shape[1]) :])
        writer.write(audio[-1])
        on_block()
    return Performance(np.concatenate(audio, axis=1), opening.shape[1], tuple(marks), prime_ms, tuple(whole_ms), tuple(stages_ms))
