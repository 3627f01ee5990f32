"""The benchmark of engines, in a process of its own, and the work that it counts."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from benchmarks.graph_work import graph_work
from lmdm_export.manifest_document import file_sha256
from tests.bundles import write_small_bundle

ROOT = Path(__file__).parents[2]
SCRIPT = "import pathlib, sys; from benchmarks import backends as b; b.RESULTS = pathlib.Path(sys.argv.pop(1)); b.backends()"


def benchmark(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", SCRIPT, str(folder), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=ROOT)


def test_work_is_that_of_the_products(tmp_path: Path) -> None:
    """Counted by hand: [2, 3] x [3, 5], a convolution of 4 channels to 6 over kernel 3, and a product with a turned matrix."""
    nodes = [
        helper.make_node("MatMul", ["a", "w"], ["product"]),
        helper.make_node("Conv", ["x", "kernel"], ["filtered"]),
        helper.make_node("Gemm", ["product", "g"], ["turned"], transA=1),
        helper.make_node("Sin", ["turned"], ["y"]),
    ]
    weights = [("w", (3, 5)), ("kernel", (6, 4, 3)), ("g", (2, 7)), ("unused", (100, 100))]
    inputs, outputs = (
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in side.items()]
        for side in ({"a": (2, 3), "x": (1, 4, 10)}, {"y": (5, 7), "filtered": (1, 6, 8)})
    )
    made = [onnx.numpy_helper.from_array(np.zeros(shape, np.float32), name) for name, shape in weights]
    model = helper.make_model(helper.make_graph(nodes, "g", inputs, outputs, made), opset_imports=[helper.make_opsetid("", 20)])
    onnx.save(model, tmp_path / "graph.onnx")
    work = graph_work(tmp_path / "graph.onnx")
    assert work.operations == 2 * (2 * 5 * 3 + 6 * 8 * 4 * 3 + 5 * 7 * 2)
    assert work.read_bytes == 4 * (15 + 72 + 14 + 6 + 40 + 35 + 48)


@pytest.mark.heavy
@pytest.mark.skipif(importlib.util.find_spec("openvino") is None, reason="openvino is not installed; run: pip install 'lmdm[openvino]'")
def test_every_graph_and_the_block_are_timed_in_every_engine(tmp_path: Path) -> None:
    write_small_bundle(tmp_path / "bundle", "tiny-spectral", rollout_blocks=8)
    made = benchmark(
        tmp_path, "--bundle", tmp_path / "bundle", "--runs", 3, "--threads", 1, "--json", "--name", "t", "--engine", "openvino"
    )
    assert made.returncode == 0, made.stderr
    result = json.loads(made.stdout)
    assert result == json.loads((tmp_path / "backends-t.json").read_text())
    assert set(result["stages"]) == {*result["floor_ms"], "block with audio"}
    assert {frozenset(engines) for engines in result["stages"].values()} == {frozenset(("onnxruntime", "openvino"))}
    assert all(ms["median"] > 0 for engines in result["stages"].values() for ms in engines.values())
    assert all(floor["floor"] > 0 for floor in result["floor_ms"].values())
    assert result["wrong"] == []
    assert "openvino" in result["machine"]["versions"]


@pytest.mark.heavy
def test_a_wrong_graph_is_a_failure(tmp_path: Path) -> None:
    """The control: the decoder that ONNX Runtime plays adds where it should multiply, and the hashes say that nothing happened."""
    write_small_bundle(tmp_path / "bundle", "tiny-spectral", rollout_blocks=8)
    path = tmp_path / "bundle" / "graphs" / "cached_decoder.fused.onnx"
    model = onnx.load(path, load_external_data=False)
    next(node for node in model.graph.node if node.op_type == "Mul").op_type = "Add"
    path.write_bytes(model.SerializeToString())
    manifest = json.loads((tmp_path / "bundle" / "manifest.json").read_text())
    manifest["graphs"]["cached_decoder"]["fused"]["sha256"] = file_sha256(path)
    for entry in manifest["files"]:
        if entry["path"] == "graphs/cached_decoder.fused.onnx":
            entry |= {"sha256": file_sha256(path), "bytes": path.stat().st_size}
    (tmp_path / "bundle" / "manifest.json").write_text(json.dumps(manifest))
    made = benchmark(tmp_path, "--bundle", tmp_path / "bundle", "--runs", 3, "--threads", 1, "--engine", "onnxruntime")
    assert made.returncode == 1, made.stderr
    assert "wrong cached_decoder in onnxruntime: not timed" in made.stdout
    (file,) = tmp_path.glob("backends-*.json")
    stages = json.loads(file.read_text())["stages"]
    assert stages["cached_decoder"] == stages["block with audio"] == {}
    assert "onnxruntime" in stages["context_encoder"]


def test_a_folder_that_is_no_bundle_is_one_sentence(tmp_path: Path) -> None:
    made = benchmark(tmp_path, "--bundle", tmp_path)
    assert made.returncode == 1
    assert len(made.stderr.strip().splitlines()) == 1
    assert made.stderr.startswith("Error: ")
