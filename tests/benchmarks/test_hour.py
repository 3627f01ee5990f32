"""The long stream of both runtimes on a tiny bundle, and what makes it fail."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner
from rich.console import Console

from benchmarks import hour as module
from benchmarks.memory import memory_of
from benchmarks.plot_hour import plot_hour
from benchmarks.streams import Streamed, python_command, stream
from tests.runtime_cpp.programs import built, tiny_bundle


def test_memory_is_that_of_a_process() -> None:
    mine = memory_of(os.getpid())
    assert 5 < mine["written"] <= mine["private"] <= mine["resident"]
    held = bytearray(os.urandom(1 << 20)) * 64
    assert memory_of(os.getpid())["written"] > mine["written"] + 32
    assert len(held)
    assert memory_of(2**22 + 1) == {}


def test_a_missing_program_is_explained(tmp_path: Path) -> None:
    done = CliRunner().invoke(module.hour, ["--bundle", str(tmp_path), "--tool", str(tmp_path / "none"), "--runtime", "c++"])
    assert done.exit_code == 1
    assert "cmake --build --preset release" in done.output


def streamed(growth_mib: float, slower_ms: float, underruns: int = 0) -> Streamed:
    """An hour of 100 blocks and 600 looks at the memory, each in a straight line."""
    blocks = [[36.0 * i, 30.0 + slower_ms * i / 100] for i in range(100)]
    report = {"blocks": blocks, "underruns": underruns, "prompt_changes": 719, "stages_ms": {}, "cold_start_ms": {"all": 1}}
    names = ("written", "private", "proportional", "resident")
    return Streamed(report, [(6.0 * i, dict.fromkeys(names, 100.0 + growth_mib * i / 600)) for i in range(600)])


def test_slopes_are_those_that_were_put_in() -> None:
    figures = module.figures_of(streamed(growth_mib=8, slower_ms=2), 3600, 371.5)
    assert figures["written_mib_an_hour"]["per_hour"] == pytest.approx(8, rel=1e-3)
    assert figures["block_ms_an_hour"]["per_hour"] == pytest.approx(2, rel=0.02)
    # The middles of the second and of the last fifth lie three fifths of the hour apart.
    assert figures["written_grown_mib"] == pytest.approx(8 * 0.6, abs=0.02)
    assert (figures["blocks"], figures["blocks_longer_than_the_period"]) == (100, 0)
    assert module.figures_of(streamed(0, slower_ms=400), 3600, 371.5)["blocks_longer_than_the_period"] == 14


def test_growth_lateness_and_memory_that_nobody_saw_fail() -> None:
    steady = module.figures_of(streamed(1, 0), 3600, 371.5)
    assert module.failures({"Python": steady}, 4.0) == []
    assert "grew by 6.0" in module.failures({"Python": module.figures_of(streamed(10, 0), 3600, 371.5)}, 4.0)[0]
    assert "3 of 100 blocks" in module.failures({"Python": module.figures_of(streamed(1, 0, underruns=3), 3600, 371.5)}, 4.0)[0]
    assert len(module.failures({"Python": steady | {"written_grown_mib": float("nan")}}, 4.0)) == 1


def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> dict:
    monkeypatch.setattr(module, "RESULTS", tmp_path)
    bundle = tiny_bundle(tmp_path / "bundles")
    # Memory of so short a run still grows: caches fill.
    words = ["--bundle", str(bundle), "--minutes", "0.1", "--growth-mib", "1000", "--json", *arguments]
    done = CliRunner().invoke(module.hour, words, catch_exceptions=False)
    result = json.loads((tmp_path / "hour-default.json").read_text())
    assert done.exit_code == int(any(of["underruns"] for of in result["figures"].values())), done.output
    assert (tmp_path / "hour-default.png").stat().st_size > 10_000
    return result


def require_streamed(figures: dict) -> None:
    assert figures["blocks"] > 4
    assert figures["prompt_changes"] == 1
    assert figures["block_ms"]["p50"] <= figures["block_ms"]["p95"] <= figures["block_ms"]["max"]
    assert sum(figures["stages_ms"][name]["p50"] for name in ("prompt", "context", "steps", "decode")) <= figures["block_ms"]["max"]
    assert figures["memory_mib"]["private"] > 1
    assert len(figures["written_over_time"]["seconds"]) > 5
    assert np.isfinite(figures["written_grown_mib"])


def test_python_streams_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(tmp_path, monkeypatch, "--runtime", "python")
    assert set(result["figures"]) == {"Python"}
    require_streamed(result["figures"]["Python"])
    cold = result["figures"]["Python"]["cold_start_ms"]
    assert cold["all"] == pytest.approx(sum(ms for name, ms in cold.items() if name != "all"), abs=0.1)


@pytest.mark.heavy
def test_both_runtimes_stream_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(tmp_path, monkeypatch, "--tool", str(built("lmdm-bench")), "--runtime", "both")
    for figures in result["figures"].values():
        require_streamed(figures)
    assert result["machine"]["cpu"]
    assert plot_hour(tmp_path / "again.png", result).read_bytes() == (tmp_path / "hour-default.png").read_bytes()


def test_an_error_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{}")
    done = CliRunner().invoke(module.hour, ["--bundle", str(tmp_path), "--runtime", "python", "--minutes", "0.1"])
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit)
    assert "manifest.json" in done.output
    assert len(done.output.strip().splitlines()) == 1


def test_the_sentence_of_a_stream_that_ended_is_told(tmp_path: Path) -> None:
    with pytest.raises(click.ClickException, match=r"Python did not stream \(exit status 1\): Error: .*manifest.json"):
        stream({"Python": python_command(tmp_path, 5, 1)}, 5, Console(quiet=True))
