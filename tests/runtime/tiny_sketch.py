"""A tiny bundle whose control `loudness` follows a sketch, by a graph that depends on sound, smoothing and the block before."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from lmdm_runtime import load_bundle
from tests.runtime.conftest import Tiny, make_tiny
from tests.runtime.tiny_bundle import seal
from tests.runtime.tiny_graphs import GraphWriter, Weights
from tests.runtime.tiny_model import Sizes

MEDIANS = (1, 3)
FIRST = 0.5
SMOOTHED = 0.1


def sketched_tiny(folder: Path, pattern: str) -> Tiny:
    """The tiny bundle of a pattern with the graph `sketch`."""
    tiny = make_tiny(folder, pattern)
    np.savez(folder / "states" / "sketch.npz", state_last=np.full((1, 1, 1), FIRST, np.float32))
    document = json.loads((folder / "manifest.json").read_text())
    document["graphs"]["sketch"] = sketch_graph(tiny.model.sizes).write(folder)
    groups = [{"name": "loudness", "channels": 1}]
    document["controls"] = [{"kind": "loudness", "source": "sketch", "groups": groups, "presence": 0}]
    document["sketch"] = {"medians": list(MEDIANS), "median": MEDIANS[0], "states": "states/sketch.npz"}
    seal(folder, document)
    return Tiny(folder, tiny.model, load_bundle(folder))


def sketch_graph(z: Sizes) -> GraphWriter:
    last, samples = (1, 1, 1), z.block * z.frame_size
    g = GraphWriter(
        "sketch",
        {"audio": ((1, 1, samples), "float32"), "smoothing": ((len(MEDIANS),), "float32"), "state_last": (last, "float32")},
        Weights(),
    )
    means = g.op("ReduceMean", g.op("Reshape", "audio", g.constant([1, 1, z.block, z.frame_size])), g.constant([3]), keepdims=0)
    lengths = g.op(
        "ReduceSum",
        g.op("Mul", "smoothing", g.constant([SMOOTHED * length for length in MEDIANS], np.float32)),
        g.constant([0]),
        keepdims=0,
    )
    g.output("loudness", g.op("Add", g.op("Add", means, "state_last"), lengths), (1, 1, z.block))
    g.output("state_last_out", g.op("Slice", "audio", g.constant([samples - 1]), g.constant([samples]), g.constant([2])), last)
    return g


def sketch_values(audio: np.ndarray, z: Sizes, median: int) -> np.ndarray:
    """What the graph makes of audio [1, blocks * block * frame_size], [frames]."""
    frames = audio[0].reshape(-1, z.frame_size).mean(axis=1)
    before = np.concatenate(([FIRST], audio[0, z.block * z.frame_size - 1 :: z.block * z.frame_size][:-1]))
    return frames + np.repeat(before, z.block) + SMOOTHED * median
