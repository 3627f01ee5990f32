"""The one command on a tiny instrument: peers in processes, parity before time, one result and one page."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import __main__ as module
from benchmarks import round_trip
from benchmarks.compare import compare_peers
from benchmarks.energy import EnergyMeter
from benchmarks.job import Job
from benchmarks.page import draw_page
from benchmarks.peers import CACHED, MASKED, RUNTIME, PeerEntry, peer_table
from benchmarks.source import Source

FAULTY = "tests.benchmarks.faulty_peers"


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="module")
def job(work: Path, tmp_path_factory: pytest.TempPathFactory) -> Job:
    source = Source(preset="tiny-bc", work=work)
    return Job(tmp_path_factory.mktemp("job"), Path(), source, threads=1, seed=7, blocks=1).prepare(lambda _: None)


def test_what_fails_parity_is_not_timed(job: Job) -> None:
    table = {
        RUNTIME: peer_table()[RUNTIME],
        "swapped": PeerEntry(f"{FAULTY}:SwappedPeer", {"engine": "onnxruntime"}),
        "dies": PeerEntry(f"{FAULTY}:DyingPeer", {}),
        "absent": PeerEntry(f"{FAULTY}:AbsentPeer", {}),
    }
    made = compare_peers(job, table, {}, runs=2, skip=("decode",), say=lambda _: None)
    assert all(set(peers) == {RUNTIME} for peers in made["stages"].values())
    assert set(made["stages"]) == {"step", "context", "block"}
    assert made["unavailable"] == {"absent": "it is not installed; run: pip install it"}
    found = " ".join(made["failures"])
    assert "swapped: velocity of step is off by" in found
    assert "dies: its process ended with exit status 3: last words" in found
    assert len(made["failures"]) == 2
    step = next(check for check in made["parity"] if (check["peer"], check["stage"]) == (RUNTIME, "step"))
    assert step["error"] <= step["bound"] < step["control"]


@pytest.mark.heavy
def test_the_short_form_of_the_command(work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RESULTS", tmp_path)
    words = ["--short", "--preset", "tiny-bc", "--work", str(work), "--threads", "1", "--json", "--tool", str(tmp_path / "none")]
    done = CliRunner().invoke(module.main, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    result = json.loads((tmp_path / "short.json").read_text())
    (of,) = result["instruments"]
    runtime = {RUNTIME, f"{RUNTIME}, not fused", *module.default_engines()}
    assert {stage: set(peers) for stage, peers in of["stages"].items()} == {
        "step": {MASKED, CACHED, *runtime},
        "context": {CACHED, *runtime},
        "block": {MASKED, CACHED, *runtime},
        "decode": {CACHED, *runtime},
    }
    for peers in of["stages"].values():
        for figures in peers.values():
            assert figures["in_turn"]["fastest"] <= figures["in_turn"]["median"] <= figures["in_turn"]["p99"]
            assert figures["in_turn"]["runs"] == figures["in_a_row"]["runs"] == module.SHORT_RUNS
            assert figures["times_the_floor"] == pytest.approx(figures["in_turn"]["median"] / figures["floor"], rel=0.01)
    assert of["floor_ms"]["masked step"]["floor"] > of["floor_ms"]["step"]["floor"] > 0
    assert set(of["round_trip"]["Python"]) == set(round_trip.MODES)
    for trip in of["round_trip"]["Python"].values():
        assert {"encode", "controls", "prompt", "context", "steps", "decode"} == set(trip["stages_ms"])
        assert trip["first_frame_ms"]["of the process"] > trip["first_frame_ms"]["of the session"] > 0
        assert (trip["joules"] is None) == (EnergyMeter().reason is not None)
    assert (tmp_path / "short.png").stat().st_size > 20_000


def test_the_page_of_a_run_in_which_nothing_was_timed(tmp_path: Path, job: Job) -> None:
    made = compare_peers(job, {}, {}, runs=2, skip=(), say=lambda _: None)
    machine = module.describe_machine() | {"load_average_after": [0.0]}
    result = {"instruments": [made | {"round_trip": {"reason": "none"}}], "threads": 1, "machine": machine}
    assert draw_page(tmp_path / "page.png", result).stat().st_size > 3_000


def test_energy_counts_packages_and_a_counter_that_begins_again(tmp_path: Path) -> None:
    for number, top in enumerate((1_000_000, 5_000_000)):
        package = tmp_path / f"intel-rapl:{number}"
        package.mkdir()
        (package / "energy_uj").write_text("900000")
        (package / "max_energy_range_uj").write_text(str(top))
    meter = EnergyMeter(tmp_path)
    (tmp_path / "intel-rapl:0" / "energy_uj").write_text("100000")
    (tmp_path / "intel-rapl:1" / "energy_uj").write_text("1900000")
    assert meter.joules() == pytest.approx(0.2 + 1.0)
    shutil.rmtree(tmp_path / "intel-rapl:0")
    assert "has no intel-rapl packages" in str(EnergyMeter(tmp_path / "none").reason)
    assert EnergyMeter(tmp_path / "none").joules() is None


def test_a_missing_bundle_is_explained(tmp_path: Path) -> None:
    done = CliRunner().invoke(module.main, ["--bundle", str(tmp_path / "none"), "--no-scaling"])
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit)
    assert "Traceback" not in done.output


def test_random_weights_are_the_same_in_every_process(work: Path) -> None:
    from benchmarks.random_instrument import random_config, random_instrument

    config = random_config("tiny", None, small_codec=False)
    first, second = random_instrument(config).state_dict(), random_instrument(config).state_dict()
    assert all(bool((first[name] == second[name]).all()) for name in first)
    assert any(bool((value != random_instrument(config, seed=1).state_dict()[name]).any()) for name, value in first.items())
