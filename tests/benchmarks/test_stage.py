"""Parts of the benchmark of the plugin on stage: what it hears as a click, how it counts, and what it plays."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import clicks
from benchmarks.stage import stage
from benchmarks.stage_host import Performed, plucks
from benchmarks.stage_score import TURN_SECONDS, TURNS, score

RATE, PERIOD, FIRST = 8000, 2972.4, 1234.0


@pytest.fixture(scope="module")
def music() -> np.ndarray:
    return plucks(RATE, 120)[:, 0]


def pieces(audio: np.ndarray) -> list[tuple[int, np.ndarray]]:
    half = len(audio) // 2 + 77
    return [(0, audio[:half]), (half, audio[half:])]


def test_music_without_seams_has_no_clicks(music: np.ndarray) -> None:
    found = clicks.measure(pieces(music), FIRST, PERIOD)
    assert not found.heard
    assert found.seams > 0.8 * len(music) / PERIOD
    assert found.median_ratio == pytest.approx(1, abs=0.25)


def test_broken_seams_are_heard_where_they_are(music: np.ndarray) -> None:
    damaged = [(begin, clicks.broken(begin, audio, FIRST, PERIOD, 0.3)) for begin, audio in pieces(music)]
    assert clicks.measure(damaged, FIRST, PERIOD).heard
    elsewhere = clicks.measure(damaged, FIRST + PERIOD / 2, PERIOD)
    assert not elsewhere.heard
    assert elsewhere.worst_phase == pytest.approx(0.5, abs=0.01), "a seam where none was looked for"
    assert elsewhere.worst_phase_deviations > 8


def test_a_break_is_where_the_seam_is(music: np.ndarray) -> None:
    changed = clicks.broken(0, music, FIRST, PERIOD, 0.3) - music
    steps = np.flatnonzero(np.abs(np.diff(changed)) > 0.05 * np.abs(changed).max())
    distances = (steps + 1 - FIRST) / PERIOD
    assert np.abs(distances - np.round(distances)).max() < 2 / PERIOD


def test_silence_is_no_music() -> None:
    with pytest.raises(ValueError, match="no seam lies in music"):
        clicks.measure([(0, np.zeros(10 * RATE, np.float32))], FIRST, PERIOD)


def test_counters_go_on_where_the_plugin_begins_again() -> None:
    journal = [{"seconds": 100.0 + i, "underruns": n} for i, n in enumerate((0, 2, 3, 0, 1, 1))]
    performed = Performed({}, journal, Path())
    assert performed.count("underruns") == 4
    assert performed.count("underruns", 102) == 2
    assert performed.count("underruns", 105) == 0


def test_every_turn_is_taken_and_ends_in_time() -> None:
    seconds = TURN_SECONDS * (len(TURNS) + 2)
    events = score(seconds)
    assert {event["parameter"] for event in events if "parameter" in event} >= {
        "Mix",
        "Crossfade",
        "Pitch",
        "Loudness",
        "Feedback",
        "Freeze",
    }
    assert any("midi" in event for event in events)
    assert any("state" in event for event in events)
    assert max(event["at"] for event in events) < seconds


def test_a_missing_build_is_explained(tmp_path: Path) -> None:
    manifest = {
        "name": "tiny",
        "model": {"block": 2},
        "codec": {"frame_size": 8, "sample_rate": RATE, "decoder": {"streaming": {"delay": 0}}},
    }
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    done = CliRunner().invoke(stage, ["--bundle", str(tmp_path), "--build", str(tmp_path)])
    assert done.exit_code == 1
    assert "there is no lmdm-plugin-host" in done.output
    assert "cmake --build --preset plugin" in done.output
