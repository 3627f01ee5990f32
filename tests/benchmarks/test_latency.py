"""The latency benchmark on tiny instruments of both patterns."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import latency as module
from benchmarks.plot import plot_latency
from benchmarks.random_instrument import random_bundle, random_config, random_instrument
from benchmarks.subjects import CACHED, MASKED, RUNTIME, Pair


@pytest.mark.heavy
@pytest.mark.parametrize("name", ["tiny", "tiny-bc"])
def test_every_stage_has_every_subject(name: str, tmp_path: Path) -> None:
    config = random_config(name, None, small_codec=False)
    folder = random_bundle(config, tmp_path)
    assert random_bundle(config, tmp_path) == folder
    result = module.measure(Pair.load(folder, random_instrument(config), threads=1), runs=3, masked=True)
    assert {stage: set(subjects) for stage, subjects in result["stages"].items()} == {
        "step": {CACHED, RUNTIME, MASKED},
        "context": {CACHED, RUNTIME},
        "block": {CACHED, RUNTIME, MASKED},
        "decode": {CACHED, RUNTIME},
    }
    assert all(figures["median"] > 0 for subjects in result["stages"].values() for figures in subjects.values())
    assert result["floor_ms"]["masked step"]["floor"] > result["floor_ms"]["step"]["floor"] > 0
    assert {"context", "steps", "decode", "total"} <= result["runtime_stages"].keys()
    module.write_result(tmp_path / "result.json", result)
    assert json.loads((tmp_path / "result.json").read_text()) == json.loads(json.dumps(result))
    assert plot_latency(tmp_path / "result.png", result).stat().st_size > 10_000


@pytest.mark.parametrize("arguments", [[], ["--preset", "tiny", "--bundle", "x"], ["--checkpoint", "x"]])
def test_half_a_source_is_wrong_usage(arguments: list[str]) -> None:
    done = CliRunner().invoke(module.latency, arguments)
    assert done.exit_code == 2
    assert "give --checkpoint with --bundle, or --preset alone" in done.output
