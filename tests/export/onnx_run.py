"""Graphs written, read by ONNX Runtime and held against torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch
from torch import Tensor

from lmdm_export.check import CheckedGraph, checked
from lmdm_export.graphs import InstrumentGraphs
from lmdm_export.graphs.spec import GraphSpec
from lmdm_export.onnx_writer import to_onnx
from lmdm_export.shared_weights import SharedWeights
from lmdm_export.simplify import simplified


@dataclass
class Written:
    """Graphs in a folder, with the account of their shared weights."""

    folder: Path
    weights: SharedWeights
    found: dict[str, CheckedGraph]

    def path(self, name: str) -> Path:
        return self.folder / f"{name}.onnx"

    def run(self, name: str, inputs: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        session = ort.InferenceSession(self.path(name), options, providers=["CPUExecutionProvider"])
        made = session.run(None, {key: value.numpy() for key, value in inputs.items()})
        return dict(zip((port.name for port in session.get_outputs()), made, strict=True))


def write(graphs: InstrumentGraphs, folder: Path, only: tuple[str, ...] | None = None, *, simplify: bool = True) -> Written:
    """The graphs, or some of them, as files that share `weights.bin`."""
    folder.mkdir(parents=True, exist_ok=True)
    chosen = [spec for spec in graphs.graphs if only is None or spec.name in only]
    with (folder / "weights.bin").open("wb") as file:
        weights = SharedWeights(file, "weights.bin")
        for spec in chosen:
            model = to_onnx(spec)
            model = simplified(model).model if simplify else model
            weights.externalise(model)
            (folder / f"{spec.name}.onnx").write_bytes(model.SerializeToString(deterministic=True))
    return Written(folder, weights, {spec.name: checked(folder / f"{spec.name}.onnx", spec) for spec in chosen})


def random_inputs(spec: GraphSpec, seed: int = 0) -> dict[str, Tensor]:
    """Values in every input that the graph may meet."""
    generator = torch.Generator().manual_seed(seed)
    inputs = {name: torch.randn(value.shape, generator=generator).to(value.dtype) for name, value in spec.inputs.items()}
    if "token_ids" in inputs:
        inputs["token_ids"] = torch.randint(0, 32, inputs["token_ids"].shape, generator=generator)
        inputs["token_mask"] = (torch.arange(inputs["token_mask"].shape[1]) < 5).float()[None]
    for name, value in (("t", 0.7), ("seconds", 11.0), ("past_frames", 4), ("state_clock", 1020)):
        if name in inputs:
            inputs[name] = torch.full_like(inputs[name], value)
    return inputs


def relative_error(reference: Tensor, made: np.ndarray) -> float:
    """Largest error over the largest value of the reference."""
    assert tuple(reference.shape) == made.shape
    assert np.isfinite(made).all()
    return float(np.abs(reference.numpy() - made).max() / max(float(reference.abs().max()), 1e-6))


def worst_error(written: Written, spec: GraphSpec, seed: int = 0) -> float:
    """Worst relative error of a graph over its outputs on random inputs."""
    inputs = random_inputs(spec, seed)
    made, reference = written.run(spec.name, inputs), spec.run(inputs)
    assert set(made) == set(reference)
    return max(relative_error(value, made[name]) for name, value in reference.items())
