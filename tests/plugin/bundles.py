"""A tiny bundle that a host can play: blocks as long as those of an instrument, at a rate that hosts have."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from lmdm_runtime import Bundle, Session, load_bundle
from tests.runtime.tiny_bundle import seal, write_tiny_bundle
from tests.runtime.tiny_model import Sizes
from tests.runtime.tiny_sketch import FIRST, MEDIANS, sketch_graph

RATE = 44_100
PROMPTS = ("slow ambient pad", "fast techno with drums")


def write_played_bundle(folder: Path, *, name: str = "tiny", block: int = 4, pattern: str = "encoder-decoder") -> Bundle:
    """A sketched bundle whose blocks last `block` times 23 ms."""
    sizes = Sizes(pattern=pattern, frame_size=1024, block=block, context=2 * block)
    write_tiny_bundle(folder, sizes)
    np.savez(folder / "states" / "sketch.npz", state_last=np.full((1, 1, 1), FIRST, np.float32))
    document = json.loads((folder / "manifest.json").read_text())
    document["name"] = name
    document["codec"]["sample_rate"] = RATE
    document["graphs"]["sketch"] = sketch_graph(sizes).write(folder)
    groups = [{"name": "loudness", "channels": 1}]
    document["controls"] = [{"kind": "loudness", "source": "sketch", "groups": groups, "presence": 0}]
    document["sketch"] = {"medians": list(MEDIANS), "median": MEDIANS[0], "states": "states/sketch.npz"}
    seal(folder, document)
    return load_bundle(folder)


def answers(bundle: Bundle, audio: np.ndarray, prompt: str, seed: int = 0) -> np.ndarray:
    """What the Python runtime makes of mono audio [samples] that its sketch follows: [samples], the n-th for the n-th of the audio."""
    session = Session(bundle, seed=seed)
    session.set_prompt(prompt)
    session.sketch.choose([control.kind for control in bundle.manifest.controls if control.source == "sketch"])
    count = session.block_samples
    padded = np.pad(audio, (0, -len(audio) % count))
    session.sketch.feed(padded[None])
    return np.concatenate([session.next_block() for _ in range(len(padded) // count)], axis=1)[0, : len(audio)]
