"""The VST3 in real time: lmdm-plugin-host plays it as a device would, turns its knobs, recalls states, restarts and removes it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.plugin.artefacts import built
from tests.plugin.bundles import RATE
from tests.plugin.conftest import Environment

pytestmark = pytest.mark.quiet


def host(environment: Mapping[str, str | None], *words: object) -> subprocess.CompletedProcess[str]:
    whole = {name: value for name, value in {**os.environ, **environment}.items() if value is not None}
    command = [str(built("lmdm-plugin-host")), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=whole, timeout=120)


def performed(environment: Mapping[str, str | None], folder: Path, vst3: Path, *words: object) -> tuple[dict[str, Any], np.ndarray]:
    """Report and recording [channels, samples]."""
    done = host(environment, vst3, "--rate", RATE, "--json", folder / "report.json", "--wav", folder / "heard.wav", *words)
    assert done.returncode == 0, done.stderr
    audio, rate = soundfile.read(folder / "heard.wav", dtype="float32", always_2d=True)
    assert rate == RATE
    return json.loads((folder / "report.json").read_text()), audio.T


def script(folder: Path, *events: dict[str, Any]) -> Path:
    path = folder / "script.json"
    path.write_text(json.dumps(events))
    return path


def level(audio: np.ndarray, first: float, last: float) -> float:
    """Loudest sample between two seconds."""
    return float(np.abs(audio[:, round(first * RATE) : round(last * RATE)]).max())


@pytest.fixture
def played(tmp_path: Path, tune: np.ndarray) -> Path:
    soundfile.write(tmp_path / "tune.wav", tune.T, RATE, subtype="FLOAT")
    return tmp_path / "tune.wav"


def test_it_plays_in_real_time(vst3: Path, installed: Environment, tmp_path: Path, played: Path) -> None:
    log = tmp_path / "log"
    knobs = script(
        tmp_path,
        {"at": 0, "parameter": "Mix", "value": 1},
        {"at": 2.5, "parameter": "Crossfade", "value": 1},
        {"at": 4, "parameter": "Output gain", "value": 0},
    )
    words = ["--input", played, "--seconds", 6, "--script", knobs]
    report, audio = performed({**installed, "LMDM_PLUGIN_LOG": str(log)}, tmp_path, vst3, *words)
    assert report["calls"] == audio.shape[1] // 128
    assert audio.shape == (2, report["calls"] * 128)
    assert report["lost_frames"] == 0
    (latency,) = report["latencies"]
    assert 0 < latency["samples"] < RATE
    late = latency["samples"] / RATE
    assert level(audio, late + 0.1, 4) > 0.01
    assert level(audio, 4.5, 6) < 0.01 * level(audio, late + 0.1, 4)
    told = [json.loads(line) for line in log.read_text().splitlines()]
    assert told[-1]["condition"] in ("ready", "overloaded")
    assert told[-1]["blocks"] > told[0]["blocks"] >= 0
    texts = {entry["name"]: entry["text"] for entry in report["plugin"]["parameters"]}
    assert (texts["Crossfade"], texts["Output gain"]) == ("100.0", "-60.0")


def test_states_are_recalled_while_it_plays(vst3: Path, installed: Environment, tmp_path: Path, played: Path) -> None:
    events = [{"at": 0.2 * i, "state": {"prompts.a": f"prompt {i}", "prompts.b": f"other {i}"}} for i in range(1, 8)]
    words = ["--input", played, "--seconds", 2, "--script", script(tmp_path, *events), "--save", tmp_path / "state"]
    _, audio = performed(installed, tmp_path, vst3, *words)
    assert np.isfinite(audio).all()
    assert level(audio, 1, 2) > 0.01
    again = ["--seconds", 1, "--state", tmp_path / "state", "--save", tmp_path / "again"]
    performed(installed, tmp_path, vst3, *again)
    assert (tmp_path / "again").read_bytes() == (tmp_path / "state").read_bytes()


def test_a_device_is_changed(vst3: Path, installed: Environment, tmp_path: Path, played: Path) -> None:
    knobs = script(tmp_path, {"at": 0, "parameter": "Mix", "value": 1}, {"at": 1.5, "restart": True}, {"at": 2, "restart": True})
    report, audio = performed(installed, tmp_path, vst3, "--input", played, "--seconds", 4, "--script", knobs)
    assert report["calls"] < 4 * RATE // 128, "calls that came while it was prepared are left out"
    assert level(audio, 3.5, audio.shape[1] / RATE) > 0.01


@pytest.mark.parametrize("seconds", [0.05, 0.4, 1.1])
def test_it_is_removed_while_it_works(vst3: Path, installed: Environment, tmp_path: Path, played: Path, seconds: float) -> None:
    """The host ends, and destroys four instances that are making blocks, or loading: with --wait 0 nothing has been loaded yet."""
    words = ["--input", played, "--seconds", seconds, "--instances", 4]
    for wait in (0, 30):
        report, _ = performed(installed, tmp_path, vst3, *words, "--wait", wait)
        assert report["calls"] == int(seconds * RATE / 128)


def test_refusals_are_sentences(vst3: Path, installed: Environment, tmp_path: Path) -> None:
    for events, expected in (
        ([{"at": 0, "parameter": "Nothing", "value": 1}], 'the plugin has no parameter "Nothing"; it has Input gain'),
        ([{"at": 0}], "is not one of parameter, midi, state and restart"),
        ([{"at": "soon", "restart": True}], "is no JSON array of events"),
    ):
        done = host(installed, vst3, "--seconds", 1, "--script", script(tmp_path, *events))
        assert done.returncode == 2
        assert expected in done.stderr
        assert done.stderr.count("\n") == 1
    late = host(installed, vst3, "--seconds", 1, "--wait", 0, "--script", script(tmp_path, {"at": 0.1, "state": {"nobody.a": "x"}}))
    assert late.returncode == 2
    assert "has no attribute nobody.a" in late.stderr
