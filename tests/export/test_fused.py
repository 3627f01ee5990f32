"""The fused graphs compute what the plain ones do, on the same weights; faults on purpose show."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch

from lmdm_export.check import CONTRIB_OPERATORS, checked
from lmdm_export.errors import ExportError
from lmdm_export.graphs import InstrumentGraphs, build_graphs
from lmdm_export.graphs.spec import GraphSpec
from lmdm_export.onnx_writer import to_onnx
from lmdm_export.shared_weights import SharedWeights
from lmdm_export.simplify import simplified
from lmdm_train.config import InstrumentConfig
from tests.bundles import named_config
from tests.export.onnx_run import random_inputs, relative_error
from tests.small_instruments import small_instrument

NETWORK = ("context_encoder", "cached_decoder")
# Relative to the largest output. Measured: at most 4e-6 over these graphs, and every fault below is above 1e-2.
ROUNDING = 1e-5
FAULT = 1e-2


def one_head(config: InstrumentConfig) -> InstrumentConfig:
    """Of the same width, so that the head is 128 wide."""
    return config.model_copy(update={"dit": config.dit.model_copy(update={"heads": 1})})


# Both patterns, graphs' batches of 2 (guidance) and 1, and heads of 64 and 128.
CONFIGS: dict[str, Callable[[], InstrumentConfig]] = {
    "encoder-decoder, batch 2, heads of 64": lambda: named_config("tiny"),
    "block-causal, batch 1, heads of 128": lambda: one_head(named_config("tiny-plain")),
}


class Written:
    """The network's graphs of one configuration, plain and fused, beside one file of weights."""

    def __init__(self, folder: Path, config: InstrumentConfig) -> None:
        self.folder, self.instrument = folder, small_instrument(config)
        self.graphs = build_graphs(self.instrument)
        with (folder / "weights.bin").open("wb") as file:
            self.weights = SharedWeights(file, "weights.bin")
            for name in NETWORK:
                self._write(name, self.graphs[name], fused=False)
            self.plain_bytes = (file.tell(), self.weights.used_bytes)
            for spec in self.graphs.fused:
                self._write(f"{spec.name}.fused", spec, fused=True)
            self.bytes = (file.tell(), self.weights.used_bytes)

    def _write(self, stem: str, spec: GraphSpec, *, fused: bool) -> None:
        model = simplified(to_onnx(spec)).model
        self.weights.externalise(model, known_only=fused)
        self.path(stem).write_bytes(model.SerializeToString())

    def path(self, stem: str) -> Path:
        return self.folder / f"{stem}.onnx"

    def fused(self, name: str) -> GraphSpec:
        return fused_spec(self.graphs, name)


def fused_spec(graphs: InstrumentGraphs, name: str) -> GraphSpec:
    return next(spec for spec in graphs.fused if spec.name == name)


@pytest.fixture(scope="module", params=CONFIGS)
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Written:
    return Written(tmp_path_factory.mktemp("fused"), CONFIGS[request.param]())


def run(path: Path | bytes, inputs: dict[str, torch.Tensor]) -> dict[str, np.ndarray]:
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [port.name for port in session.get_outputs()]
    return dict(zip(names, session.run(names, {k: v.numpy() for k, v in inputs.items()}), strict=True))


def error(spec: GraphSpec, made: dict[str, np.ndarray], inputs: dict[str, torch.Tensor]) -> float:
    return max(relative_error(value, made[name]) for name, value in spec.run(inputs).items())


@pytest.mark.parametrize("name", NETWORK)
def test_fused_equals_torch_and_plain(written: Written, name: str) -> None:
    spec = written.graphs[name]
    for past in (0, 1, 4, 100):
        inputs = random_inputs(spec, seed=past)
        if "past_frames" in inputs:
            inputs["past_frames"] = torch.tensor([past])
        plain, made = run(written.path(name), inputs), run(written.path(f"{name}.fused"), inputs)
        assert error(spec, made, inputs) < ROUNDING
        assert max(relative_error(torch.from_numpy(plain[key]), made[key]) for key in plain) < ROUNDING


@pytest.mark.parametrize("name", NETWORK)
def test_swapped_keys_and_values_show(written: Written, name: str) -> None:
    inputs = random_inputs(written.graphs[name])
    model = onnx.load(written.path(f"{name}.fused"))
    for node in model.graph.node:
        if node.op_type == "MultiHeadAttention":
            node.input[1], node.input[2] = node.input[2], node.input[1]
    assert error(written.graphs[name], run(model.SerializeToString(), inputs), inputs) > FAULT


def test_wrong_rotary_base_shows(written: Written) -> None:
    wrong = copy.deepcopy(written.instrument)
    wrong.dit.transformer.rotary_pos_emb.inv_freq.mul_(torch.linspace(1.0, 0.1, wrong.dit.config.rotary_width // 2))
    model = to_onnx(fused_spec(build_graphs(wrong), "cached_decoder"))
    inputs = random_inputs(written.graphs["cached_decoder"])
    assert error(written.graphs["cached_decoder"], run(model.SerializeToString(), inputs), inputs) > FAULT


def test_fused_graphs_add_nothing_to_the_weights(written: Written) -> None:
    assert written.bytes == written.plain_bytes
    # What is left inside is the tables of angles and small change, and no matrix of the network.
    assert all(written.path(f"{name}.fused").stat().st_size < 100_000 for name in NETWORK)


@pytest.mark.parametrize("name", NETWORK)
def test_only_a_fused_graph_may_leave_onnx(written: Written, name: str) -> None:
    found = checked(written.path(f"{name}.fused"), written.fused(name), contrib=True)
    assert found.operators.keys() >= CONTRIB_OPERATORS
    assert "Softmax" not in found.operators
    with pytest.raises(ExportError, match=r"com\.microsoft::MultiHeadAttention.*expected none"):
        checked(written.path(f"{name}.fused"), written.fused(name))
    with pytest.raises(ExportError, match="beyond ONNX: none; expected MultiHeadAttention, RotaryEmbedding"):
        checked(written.path(name), written.graphs[name], contrib=True)
