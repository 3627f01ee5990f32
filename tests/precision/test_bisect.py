"""Bisection: a matrix that is damaged on purpose is named, and what it says to keep is enough."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from onnx import ModelProto, numpy_helper

from lmdm_export.precision.bisection import bisected
from lmdm_export.precision.divergence import departures, first_break, largest_step
from lmdm_export.precision.kinds import KINDS
from lmdm_export.precision.ladder import Search
from lmdm_export.precision.matrices import matrices
from lmdm_export.precision.network import load_graph
from lmdm_export.precision.sensitivity import Sensitivity, fewest_kept, sensitivities
from lmdm_runtime.bundle import Bundle
from lmdm_runtime.cli import main


def damaged(model: ModelProto, name: str) -> ModelProto:
    """A copy in which one matrix is half as large again."""
    made = ModelProto()
    made.CopyFrom(model)
    weight = next(matrix.weight for matrix in matrices(model) if matrix.name == name)
    for tensor in made.graph.initializer:
        if tensor.name == weight:
            tensor.CopyFrom(numpy_helper.from_array(1.5 * numpy_helper.to_array(tensor), weight))
    return made


@pytest.mark.parametrize("name", ["project_in", "layers.00.cross.q", "layers.01.self.kv", "layers.01.ff.out"])
def test_a_damaged_matrix_is_the_first_that_breaks(tiny: Bundle, search: Search, name: str) -> None:
    model = load_graph(tiny, "cached_decoder")
    feed = search.feeds()["cached_decoder"][-1]
    rows = departures(model, damaged(model, name), feed)
    found = first_break(rows, 0.1)
    assert found is not None
    assert (found.graph, found.where) == ("cached_decoder", name)
    assert found.error == pytest.approx(0.5, rel=1e-3)
    assert largest_step(rows).error >= 0.5 - 1e-6
    # Control: nothing breaks where nothing is damaged.
    assert first_break(departures(model, model, feed), 1e-12) is None


def test_a_value_that_is_not_finite_breaks(tiny: Bundle, search: Search) -> None:
    model = load_graph(tiny, "cached_decoder")
    broken = damaged(model, "layers.00.ff.in")
    weight = next(matrix.weight for matrix in matrices(model) if matrix.name == "layers.00.ff.in")
    for tensor in broken.graph.initializer:
        if tensor.name == weight:
            tensor.CopyFrom(numpy_helper.from_array(np.full(tuple(tensor.dims), np.inf, np.float32), weight))
    found = first_break(departures(model, broken, search.feeds()["cached_decoder"][-1]), 1e9)
    assert found is not None
    assert (found.where, found.error) == ("layers.00.ff.in", float("inf"))


def test_every_precision_can_be_compared_value_by_value(search: Search, variant: Callable) -> None:
    model = load_graph(search.bundle, "cached_decoder")
    feed = search.feeds()["cached_decoder"][-1]
    worst = {}
    for kind in KINDS:
        rows = departures(model, load_graph(variant(kind).bundle, "cached_decoder"), feed)
        assert [row.where for row in rows if row.matrix] == [matrix.name for matrix in matrices(model)], kind
        worst[kind] = max(row.error for row in rows if row.matrix)
    assert worst["float16"] < worst["bfloat16"] < worst["int8"] < worst["int4"]


def test_keep_is_the_shortest_list_that_is_enough(search: Search, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The halving, on a parity that is known: int4 is inside once `a`, `b` and `c` are kept."""
    from lmdm_export.precision import sensitivity
    from tests.precision.test_measure import rung

    tried = []

    def parity(search: Search, kind: object, keep: list[str], work: Path) -> object:
        tried.append(list(keep))
        return rung("int4", 0.09 if {"a", "b", "c"} <= set(keep) else 0.2, 1.0, 0.0)

    monkeypatch.setattr(sensitivity, "measured", parity)
    ranked = [Sensitivity(name, share) for name, share in zip("abcdefgh", (8, 7, 6, 5, 4, 3, 2, 1), strict=True)]
    found = fewest_kept(search, KINDS["int4"], ranked, tmp_path)
    assert found is not None
    assert found[0] == ["a", "b", "c"]
    assert len(tried) <= 4
    assert fewest_kept(search, KINDS["int4"], ranked[1:], tmp_path) is None


@pytest.mark.heavy
def test_what_bisect_says_to_keep_brings_int4_inside(tiny: Bundle, search: Search, tmp_path: Path) -> None:
    found = bisected(tiny.folder, "int4", tmp_path, budget=0.12, threads=1)
    assert found.whole is not None
    assert not found.whole.parity.within(0.12)
    assert found.keep
    assert found.kept is not None
    assert found.kept.parity.within(0.12)
    assert len(found.keep) < found.matrices
    ranked = sensitivities(search, KINDS["int4"], tmp_path)
    assert ranked[0].share > 3 * ranked[-1].share


def test_command_names_the_first_break_of_a_variant(tiny: Bundle, sealed: Callable[[str], Path]) -> None:
    done = CliRunner().invoke(main, ["bisect", str(tiny.folder), str(sealed("int8")), "--layers-only", "--threads", "1", "--json"])
    assert done.exit_code == 0, done.output
    made = json.loads(done.stdout)
    assert made["kind"] == "int8"
    assert made["largest_step"]["error"] > 0
    assert {row["graph"] for row in made["values"]} == {"text_encoder", "conditioner", "context_encoder", "cached_decoder"}
    refused = CliRunner().invoke(main, ["bisect", str(sealed("int8")), "int4"])
    assert refused.exit_code == 1
    assert "variants are made from the float32 bundle" in refused.stderr.strip().splitlines()[-1]
    itself = CliRunner().invoke(main, ["bisect", str(tiny.folder), str(tiny.folder)])
    assert "is float32 itself" in itself.stderr.strip().splitlines()[-1]
