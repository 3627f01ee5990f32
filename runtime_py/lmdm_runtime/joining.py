"""From recorded audio into a stream that continues it, without a click where one ends and the other begins."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmdm_runtime.engine import Engine

FADE_SAMPLES = 2048


def leading_to_stream(audio: NDArray, heard: NDArray, delay_samples: int, fade_samples: int = FADE_SAMPLES) -> NDArray[np.float32]:
    """The part of `audio` that comes before a stream primed with it, its end blended into the codec's version.

    The decoder keeps its own phases, so recorded samples and decoded ones do not meet by themselves; over the fade they do.

    Args:
        audio: what the session was primed with, [channels, samples].
        heard: what `Session.prime` returned, not empty.
        delay_samples: the session's; the stream begins this far before the end of `audio`.
    """
    before = audio[:, : audio.shape[1] - delay_samples].astype(np.float32)
    fade = min(fade_samples, before.shape[1], heard.shape[1])
    if fade:
        angle = (np.arange(fade) + 0.5) / fade * np.pi / 2
        before[:, -fade:] = np.cos(angle) * before[:, -fade:] + np.sin(angle) * heard[:, -fade:]
    return before


def primed_opening(session: Engine, audio: NDArray) -> tuple[NDArray[np.float32], int]:
    """Primes a session that has not begun: what to play before its blocks, and how many of their first samples to leave out."""
    heard = session.prime(audio)
    if not heard.shape[1]:
        return audio.astype(np.float32), session.delay_samples
    return leading_to_stream(audio, heard, session.delay_samples), 0
