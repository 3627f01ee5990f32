"""Faults of local controls: a sketch that is analysed wrongly, and an accompaniment that is seen too far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lmdm_export.validate.controls import Buffers, Fault, Run, forget, replaced
from lmdm_runtime.bundle import Bundle
from lmdm_runtime.manifest import Manifest

WRONG_HOP = 7 / 8
"""Of a frame; windows that overlap a little where they should meet."""


def wrong_hop(frame_size: int) -> Run:
    """Every frame of a block begins `WRONG_HOP` of a frame after the one before it; the first one too."""

    def run(healthy: Callable[[], None], buffers: Buffers) -> None:
        with replaced(buffers, {"audio": crowded(buffers["audio"].read(), frame_size)}):
            healthy()

    return run


def crowded(audio: NDArray, frame_size: int) -> NDArray:
    """Audio [1, channels, n * frame_size] whose frames are read too late and too near one another; past its end it begins again."""
    starts = (1 - WRONG_HOP + WRONG_HOP * np.arange(audio.shape[2] // frame_size)) * frame_size
    return np.take(audio, starts.round().astype(int)[:, None] + np.arange(frame_size), axis=2, mode="wrap").reshape(audio.shape)


def unsmoothed(healthy: Callable[[], None], buffers: Buffers) -> None:
    """The first median, whatever was asked for."""
    chosen = np.zeros_like(buffers["smoothing"].read())
    chosen[0] = 1
    with replaced(buffers, {"smoothing": chosen}):
        healthy()


def graph_faults(bundle: Bundle) -> list[Fault]:
    """Faults that one run of the graph `sketch` shows; none for a bundle without it."""
    sketch = bundle.manifest.sketch
    if sketch is None:
        return []
    initial = bundle.arrays(sketch.states)
    return [
        Fault("sketch state reset in each block", "sketch", lambda: forget(initial)),
        Fault("sketch without smoothing", "sketch", lambda: unsmoothed),
    ]


def block_faults(manifest: Manifest) -> list[Fault]:
    """Faults that a first block shows; none for a bundle that takes no accompaniment."""
    if all(control.source != "accompaniment" for control in manifest.controls):
        return []
    return [Fault("accompaniment cutoff off by one", settings=one_frame_less)]


def loop_faults(bundle: Bundle) -> list[Fault]:
    """Every fault of the controls that the bundle has; a wrong hop drifts, and shows best after some blocks."""
    size = bundle.manifest.codec.frame_size
    hop = [Fault("sketch with a wrong hop", "sketch", lambda: wrong_hop(size))] if bundle.manifest.sketch is not None else []
    return [*graph_faults(bundle), *hop, *block_faults(bundle.manifest)]


def one_frame_less(bundle: Bundle) -> Bundle:
    """The same bundle, seeing one frame less of the accompaniment."""
    manifest = bundle.manifest
    controls = tuple(c if c.cutoff is None else replace(c, cutoff=c.cutoff - 1) for c in manifest.controls)
    return replace(bundle, manifest=replace(manifest, controls=controls))
