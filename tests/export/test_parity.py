"""What is written is held against torch: small constants survive, and a graph that computes something else is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from lmdm_export.errors import ExportError
from lmdm_export.graphs.spec import GraphSpec
from lmdm_export.onnx_writer import to_onnx
from lmdm_export.parity import require_parity
from lmdm_export.simplify import simplified


class Guarded(nn.Module):
    """Constants that are nearly nothing, and that decide the result in silence."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return torch.sqrt(x**2 + 1e-12), x * 1.000004


def guarded() -> GraphSpec:
    return GraphSpec("guarded", Guarded(), {"x": torch.zeros(3)}, ("root", "scaled"))


@pytest.fixture(scope="module")
def model() -> onnx.ModelProto:
    return to_onnx(guarded())


def bundle(folder: Path, model: onnx.ModelProto) -> dict:
    """The parts of a bundle that parity looks at."""
    inputs = {"x": torch.tensor([0.0, 1.0, -2.0])}
    arrays = {"input_x": inputs["x"].numpy()} | {f"output_{name}": value.numpy() for name, value in guarded().run(inputs).items()}
    for part in ("graphs", "fixtures"):
        (folder / part).mkdir()
    (folder / "graphs" / "guarded.onnx").write_bytes(model.SerializeToString())
    np.savez(folder / "fixtures" / "graph_guarded.npz", **arrays)
    bounds = {"by_output": {"root": 1e-8, "scaled": 1e-6}}
    return {"graph_guarded": {"file": "fixtures/graph_guarded.npz", "tolerance": bounds, "measured": {}}, "audio": {}}


@pytest.mark.parametrize("simplify", [False, True])
def test_small_constants_survive(model: onnx.ModelProto, tmp_path: Path, simplify: bool) -> None:
    written = simplified(onnx.load_from_string(model.SerializeToString())).model if simplify else model
    entries = bundle(tmp_path, written)
    require_parity(tmp_path, entries)
    found = entries["graph_guarded"]["measured"]["onnxruntime"]
    assert set(found) == {"root", "scaled"}
    assert found["root"] <= 1e-8


@pytest.mark.parametrize("wrong", [2e-12, np.nan])
def test_graph_that_computes_something_else_is_refused(model: onnx.ModelProto, tmp_path: Path, wrong: float) -> None:
    changed = onnx.load_from_string(model.SerializeToString())
    for tensor in changed.graph.initializer:
        if 0 < abs(float(numpy_helper.to_array(tensor).reshape(-1)[0])) < 1e-9:
            tensor.CopyFrom(numpy_helper.from_array(np.full(tuple(tensor.dims), wrong, np.float32), tensor.name))
    entries = bundle(tmp_path, changed)
    with pytest.raises(ExportError, match=r"graph guarded in ONNX Runtime .* misses torch by .* in root"):
        require_parity(tmp_path, entries)


def test_a_fused_graph_is_held_too(model: onnx.ModelProto, tmp_path: Path) -> None:
    entries = bundle(tmp_path, model)
    fused = tmp_path / "graphs" / "guarded.fused.onnx"
    fused.write_bytes(model.SerializeToString())
    require_parity(tmp_path, entries)
    measured = entries["graph_guarded"]["measured"]
    assert measured["onnxruntime_fused"] == measured["onnxruntime"]
    changed = onnx.load_from_string(model.SerializeToString())
    for node in changed.graph.node:
        node.op_type = "Exp" if node.op_type == "Sqrt" else node.op_type
    fused.write_bytes(changed.SerializeToString())
    with pytest.raises(ExportError, match=r"graph guarded, fused, in ONNX Runtime .* misses torch by .* in root"):
        require_parity(tmp_path, entries)
