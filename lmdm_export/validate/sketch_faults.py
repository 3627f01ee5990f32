"""Faults of the sketch: what a wrong stream of the analysis sounds like to the network."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lmdm_export.validate.controls import Buffers, Fault, Run, forget, replaced
from lmdm_runtime.bundle import Bundle

WRONG_HOP = 7 / 8
"""Of a frame; windows that overlap a little where they should meet."""


def wrong_hop(frame_size: int) -> Run:
    """Every frame of a block begins `WRONG_HOP` of a frame after the one before it."""

    def run(healthy: Callable[[], None], buffers: Buffers) -> None:
        with replaced(buffers, {"audio": crowded(buffers["audio"].read(), frame_size)}):
            healthy()

    return run


def crowded(audio: NDArray, frame_size: int) -> NDArray:
    """Audio [1, channels, n * frame_size] whose frame j is read from `j * WRONG_HOP` frames on."""
    starts = (np.arange(audio.shape[2] // frame_size) * WRONG_HOP * frame_size).astype(int)
    return np.concatenate([audio[:, :, start : start + frame_size] for start in starts], axis=2)


def sketch_faults(bundle: Bundle) -> list[Fault]:
    """Faults of the graph `sketch`; none for a bundle without one."""
    manifest = bundle.manifest
    if manifest.sketch is None:
        return []
    initial = bundle.arrays(manifest.sketch.states)
    return [
        Fault("sketch state reset in each block", "sketch", lambda: forget(initial)),
        Fault("sketch with a wrong hop", "sketch", lambda: wrong_hop(manifest.codec.frame_size)),
    ]
