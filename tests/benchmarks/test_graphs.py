"""All steps in one graph against the runtime's solvers, and a benchmark that times nothing that is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from benchmarks import graphs
from benchmarks.unrolled import unrolled
from lmdm_runtime.errors import BundleError
from lmdm_runtime.solvers import SOLVERS, Guided
from tests.bundles import small_bundle

LEVELS = (1.0, 0.75, 0.25, 0.0)
SHAPE = (1, 2, 3)


def decoder(folder: Path, batch: int = 1) -> Path:
    """velocity = tanh(x) t + w, with the names of a bundle's cached decoder."""
    shape = [batch, *SHAPE[1:]]
    nodes = [
        helper.make_node("Tanh", ["x"], ["bent"], name="a"),
        helper.make_node("Mul", ["bent", "t"], ["scaled"], name="b"),
        helper.make_node("Add", ["scaled", "w"], ["velocity"], name="c"),
    ]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape), helper.make_tensor_value_info("t", TensorProto.FLOAT, [1])]
    outputs = [helper.make_tensor_value_info("velocity", TensorProto.FLOAT, shape)]
    weight = numpy_helper.from_array(np.float32([[0.1], [-0.2]]), "w")
    graph = helper.make_graph(nodes, "g", inputs, outputs, [weight])
    path = folder / "decoder.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9), path)
    return path


def velocity(x: NDArray[Any], t: float) -> Guided:
    v = np.tanh(x) * np.float32(t) + np.float32([[0.1], [-0.2]])
    return Guided(v, v)


@pytest.mark.parametrize("solver", ["euler", "ping-pong"])
def test_steps_in_one_graph_are_those_of_the_solver(tmp_path: Path, solver: str) -> None:
    rng = np.random.default_rng(0)
    x, *noise = (rng.standard_normal(SHAPE, dtype=np.float32) for _ in LEVELS)
    model = unrolled(decoder(tmp_path), LEVELS, solver)
    onnx.checker.check_model(model, full_check=True)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    feeds = {"x": x, "noise_1": noise[0], "noise_2": noise[1]}
    assert [port.name for port in session.get_inputs()] == (["x"] if solver == "euler" else list(feeds))
    (found,) = session.run(None, {port.name: feeds[port.name] for port in session.get_inputs()})
    expected = SOLVERS[solver](velocity, x, LEVELS, lambda step: noise[step - 1])
    # Seen: 1e-7, the rounding of float32.
    assert np.abs(found - expected).max() < 1e-6
    elsewhere = SOLVERS[solver](velocity, x, (1.0, 0.25, 0.75, 0.0), lambda step: noise[step - 1])
    assert np.abs(found - elsewhere).max() > 1e-2


def test_steps_share_one_set_of_weights(tmp_path: Path) -> None:
    model = unrolled(decoder(tmp_path), LEVELS, "euler")
    assert [tensor.name for tensor in model.graph.initializer].count("w") == 1
    assert sum(node.op_type == "Tanh" for node in model.graph.node) == len(LEVELS) - 1


def test_guidance_and_other_solvers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="batch 2"):
        unrolled(decoder(tmp_path, batch=2), LEVELS, "euler")
    with pytest.raises(BundleError, match="solver heun"):
        unrolled(decoder(tmp_path), LEVELS, "heun")


def test_only_graphs_that_are_equal_are_timed(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second file of the context encoder is right, that of the cached decoder has a matrix with its rows in the wrong order."""
    folder = small_bundle(tmp_path_factory, "tiny-plain").bundle
    files = {"context_encoder": folder / "graphs" / "context_encoder.onnx", "cached_decoder": damaged(folder, tmp_path)}
    plain = graphs.graph_files
    monkeypatch.setattr(
        graphs, "graph_files", lambda bundle, graph: plain(bundle, graph) | ({"fused": files[graph]} if graph in files else {})
    )
    monkeypatch.setattr(graphs, "RESULTS", tmp_path)
    made = CliRunner().invoke(graphs.graphs, ["--bundle", str(folder), "--runs", "3", "--name", "t", "--json"])
    assert made.exit_code == 1, made.output
    result = json.loads((tmp_path / "graphs-t.json").read_text())
    assert result["wrong"] == ["fused file of cached_decoder", "fused, small pages file of cached_decoder"]
    assert set(result["stages"]["cached_decoder"]) == {"plain"}
    assert set(result["stages"]["context_encoder"]) == {"plain", "fused", "fused, small pages"}
    assert set(result["stages"][graphs.STEPS]) == {"plain, one by one", "plain, one graph"}
    # Seen: 1e-6; the same steps with their noises exchanged differ by 0.1 and more.
    assert result["error_of_range"][graphs.STEPS]["plain, one graph"] < graphs.ALLOWED_STEPS


def test_an_unknown_preset_is_one_sentence() -> None:
    made = CliRunner().invoke(graphs.graphs, ["--preset", "nothing"])
    assert made.exit_code == 1
    assert made.output.startswith("Error: there is no preset 'nothing'")


def damaged(folder: Path, target: Path) -> Path:
    """The cached decoder with its largest matrix turned over, weights inside."""
    model = onnx.load(folder / "graphs" / "cached_decoder.onnx")
    largest = max(model.graph.initializer, key=lambda tensor: len(tensor.raw_data))
    largest.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(numpy_helper.to_array(largest)[::-1]), largest.name))
    path = target / "damaged.onnx"
    onnx.save(model, path)
    return path
