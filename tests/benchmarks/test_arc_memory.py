"""The memory benchmark of ARC-Forcing on tiny instruments."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from benchmarks import arc_memory as module


@pytest.mark.parametrize("preset", ["tiny", "tiny-bc", "tiny-sketch"])
def test_a_kept_graph_grows_with_the_rollout_and_a_recomputed_one_by_its_inputs_alone(preset):
    graphs = {
        (gradient, blocks): module.measure(preset, 2, "rollout", gradient, blocks)["graph_mib"]
        for gradient in module.GRADIENTS
        for blocks in (2, 8)
    }
    kept = graphs["kept", 8] - graphs["kept", 2]
    again = graphs["recomputed", 8] - graphs["recomputed", 2]
    assert kept > 1
    assert again < 0.02 * kept


def test_growth_is_the_slope_over_blocks():
    figures = [
        {"part": "rollout", "gradient": "kept", "blocks": blocks, "peak_mib": 10 + 3 * blocks, "graph_mib": 2 * blocks}
        for blocks in (8, 2, 4)
    ]
    assert module.growth(figures) == {"rollout": {"kept": {"peak_mib": 3.0, "graph_mib": 2.0}}}


@pytest.mark.heavy
def test_the_command_measures_each_in_a_process_and_names_the_machine(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "RESULTS", tmp_path)
    done = CliRunner().invoke(module.arc_memory, ["--preset", "tiny", "--batch", "1", "--blocks", "2", "--blocks", "3", "--json"])
    assert done.exit_code == 0, done.output
    (path,) = tmp_path.iterdir()
    result = json.loads(path.read_text())
    assert {(f["part"], f["gradient"], f["blocks"]) for f in result["figures"]} == {
        (part, gradient, blocks) for part in module.PARTS for gradient in module.GRADIENTS for blocks in (2, 3)
    }
    assert result["machine"]["cpu"]
