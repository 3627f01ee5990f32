"""A written bundle against the fixtures inside it, by ONNX Runtime alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime as ort

from lmdm_runtime.bundle import load_bundle
from lmdm_runtime.session import Session


def graph_errors(path: Path) -> dict[str, tuple[float, float]]:
    """`graph.output` -> (largest error of one run, its tolerance) for every graph of a bundle."""
    bundle, found = load_bundle(path), {}
    for name in bundle.manifest.graphs:
        fixture = bundle.manifest.fixtures[f"graph_{name}"]
        arrays = dict(np.load(path / fixture.file))
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        session = ort.InferenceSession(path / f"graphs/{name}.onnx", options, providers=["CPUExecutionProvider"])
        wanted = {port.name for port in session.get_inputs()}
        inputs = {key.removeprefix("input_"): value for key, value in arrays.items() if key.startswith("input_")}
        made = session.run(None, {key: value for key, value in inputs.items() if key in wanted})
        for port, value in zip(session.get_outputs(), made, strict=True):
            error = float(np.abs(arrays[f"output_{port.name}"].astype(np.float64) - value).max())
            found[f"{name}.{port.name}"] = (error, fixture.tolerance["by_output"][port.name])
    return found


def rollout_errors(path: Path, blocks: int | None = None) -> tuple[np.ndarray, float]:
    """Largest error of each block when a session plays the rollout fixture closed-loop, and the tolerance."""
    bundle = load_bundle(path)
    fixture = bundle.manifest.fixtures["rollout"]
    arrays = dict(np.load(path / fixture.file))
    mixes = {block: [(prompt, weight) for prompt, weight in mix] for block, mix in json.loads(str(arrays["timeline"]))}
    session = Session(bundle, seed=int(arrays["seed"]))
    if bundle.manifest.text is None:
        for prompt, embedding in zip(arrays["prompts"], arrays["embeddings"], strict=True):
            session.set_embedding(str(prompt), embedding)
    if "sketch" in arrays:
        session.sketch.choose(tuple(session.sketch.groups), int(arrays["smoothing"]))
        session.sketch.feed(np.tile(arrays["sketch"].astype(np.float32) / 32768, (bundle.manifest.codec.audio_channels, 1)))
    if "accompaniment" in arrays:
        session.accompaniment.feed_frames(arrays["accompaniment"])
    errors = []
    for block, expected in enumerate(arrays["blocks"][:blocks]):
        if block in mixes:
            session.set_prompts(mixes[block])
        frames = slice(block * bundle.manifest.model.block, (block + 1) * bundle.manifest.model.block)
        for control in bundle.manifest.controls:
            if control.source == "caller":
                session.set_control(control.kind, arrays[f"control_{control.kind}"][0, :, frames])
        errors.append(float(np.abs(session.next_latents()[0] - expected).max()))
    return np.array(errors), fixture.tolerance["max_abs"]
