"""Variants of a tiny bundle: what is in them, and how far from float32 they play."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from lmdm_export.precision.kinds import KINDS
from lmdm_export.precision.ladder import Search
from lmdm_export.precision.matrices import matrices
from lmdm_export.precision.network import load_graph, network_graphs
from lmdm_export.precision.sensitivity import measured
from lmdm_export.precision.variant import Variant, matrix_names
from lmdm_export.shared_weights import external_names
from lmdm_runtime.bundle import Bundle, load_bundle
from lmdm_runtime.errors import BundleError
from tests.precision.conftest import BUDGET

Get = Callable[[str], Variant]

# Shares of another seed's distance, four times and a quarter of what was measured: .001, .013, .041, .054, .019, .046 and .206.
SHARES = {
    "float16": (2e-4, 4e-3),
    "bfloat16": (3e-3, 5e-2),
    "int8": (0.01, 0.1),
    "int8-static": (0.01, 0.1),
    "int8-blocks": (5e-3, 0.08),
    "int8-fp16": (0.01, 0.1),
    "int4": (0.11, 0.8),
}


@pytest.mark.parametrize("kind", SHARES)
def test_parity_is_what_the_precision_costs(search: Search, variant: Get, kind: str) -> None:
    low, high = SHARES[kind]
    rung = search.measure(variant(kind))
    assert low < rung.parity.share < high
    assert rung.parity.within(BUDGET) == (kind != "int4")
    assert rung.emulated == (kind == "bfloat16")


def test_faults_are_beyond_the_budget_and_float32_is_not(search: Search) -> None:
    search.measure_controls()
    assert set(search.ladder.controls) == {"noise of another seed", "stale cross K/V after a prompt change", "swapped K and V"}
    assert search.ladder.missed == []
    assert search.ladder.controls["noise of another seed"].share == 1.0
    assert search.measure_float32().parity.share < 1e-5


@pytest.mark.parametrize("kind", list(KINDS))
def test_ports_are_those_of_float32_and_shared_weights_are_stored_once(tiny: Bundle, variant: Get, kind: str) -> None:
    made = variant(kind)
    entries = made.bundle.manifest.graphs
    for name, graph in tiny.manifest.graphs.items():
        assert (entries[name].inputs, entries[name].outputs) == (graph.inputs, graph.outputs)
    before = (tiny.folder / "graphs" / "weights.bin").stat().st_size
    assert (made.folder / "graphs" / "weights.bin").stat().st_size < 0.75 * before
    encoder, decoder = (external_names(made.folder / "graphs" / f"{name}.onnx") for name in ("context_encoder", "cached_decoder"))
    named = [{m.name for m in matrices(load_graph(tiny, name))} for name in ("context_encoder", "cached_decoder")]
    shared = named[0] & named[1]
    assert len(encoder & decoder) >= len(shared) > 5
    for graph in set(tiny.manifest.graphs) - set(network_graphs(tiny)):
        assert _weights(tiny.folder, graph) == _weights(made.folder, graph)


def test_int8_weights_are_within_half_a_step_of_float32(tiny: Bundle, variant: Get) -> None:
    float32, model = load_graph(tiny, "cached_decoder"), onnx.load(variant("int8").folder / "graphs" / "cached_decoder.onnx")
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    exact = {tensor.name: numpy_helper.to_array(tensor) for tensor in float32.graph.initializer}
    quantised = [node for node in model.graph.node if node.op_type == "MatMulInteger"]
    assert len(quantised) == len(matrices(float32))
    for matrix, node in zip(matrices(float32), quantised, strict=True):
        weight, whole = exact[matrix.weight], values[node.input[1]]
        scale = np.abs(weight).max(axis=0) / 127
        assert whole.dtype == np.int8
        assert np.all(np.abs(whole * scale - weight) <= 0.51 * scale + 1e-9), matrix.name


def test_kept_matrices_stay_float32_and_help(search: Search, variant: Get, tmp_path: Path) -> None:
    keep = [name for name in matrix_names(search.bundle) if name != "layers.01.ff.in"]
    made = search.write(KINDS["int4"], tmp_path, keep)
    (tmp_path / "work").mkdir()
    kept, all_int4 = measured(search, KINDS["int4"], keep, tmp_path / "work"), search.measure(variant("int4"))
    assert 0.005 < kept.parity.share < 0.5 * all_int4.parity.share
    operators = Counter(node.op_type for node in load_graph(made.bundle, "cached_decoder").graph.node)
    assert operators["MatMulNBits"] == 1


def test_quantisers_are_quiet_and_leave_logging_as_it_was(search: Search, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    root, here = logging.getLogger(), set(Path.cwd().iterdir())
    before = (list(root.handlers), root.level, root.manager.disable)
    feeds = search.feeds()
    capfd.readouterr()
    for kind in ("int8", "int8-static", "int4"):
        model = load_graph(search.bundle, "conditioner")
        KINDS[kind].convert(model, feeds=feeds["conditioner"])
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", "")
    assert (list(root.handlers), root.level, root.manager.disable) == before
    assert set(Path.cwd().iterdir()) == here


def test_manifest_says_what_a_variant_is(sealed: Callable[[str], Path]) -> None:
    folder = sealed("int8")
    loaded = load_bundle(folder)
    precision = loaded.manifest.precision
    assert precision is not None
    assert (precision.kind, precision.budget, precision.kept) == ("int8", BUDGET, ())
    assert 0 < precision.parity < BUDGET
    assert {"norms", "softmax", "rotary", "time features"} <= set(precision.islands)
    assert precision.graphs == ("text_encoder", "conditioner", "context_encoder", "cached_decoder")
    document = json.loads((folder / "manifest.json").read_text())
    for broken in ({"kind": "int8"}, {**document["precision"], "parity": -1}, {**document["precision"], "extra": 1}):
        (folder / "manifest.json").write_text(json.dumps({**document, "precision": broken}))
        with pytest.raises(BundleError, match="does not follow format"):
            load_bundle(folder)
    (folder / "manifest.json").write_text(json.dumps(document))


def _weights(folder: Path, graph: str) -> list[bytes]:
    model = onnx.load(folder / "graphs" / f"{graph}.onnx")
    return [numpy_helper.to_array(tensor).tobytes() for tensor in model.graph.initializer]
