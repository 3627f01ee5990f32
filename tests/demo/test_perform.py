"""Playing a script on a session that only notes what it is asked, and the demo's progress."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import soundfile
from rich.console import Console

from lmdm_export.demo.files import write_bytes
from lmdm_export.demo.perform import Performance, perform
from lmdm_export.demo.progress import Stages
from lmdm_export.demo.score import in_turn
from lmdm_runtime.audio_io import AudioError, WavWriter
from lmdm_runtime.session import Session

RATE, BLOCK = 1000, 100


class NotingSession:
    """Plays block i as a constant of i hundredths, hears silence in what primes it, and keeps every request in order."""

    def __init__(self, value: float = 0.01, delay_samples: int = 0) -> None:
        self.delay_samples = delay_samples
        self.asked: list[Any] = []
        self.value = value
        self.timings: dict[str, float] = {}

    def set_prompts(self, mix: list[tuple[str, float]]) -> None:
        self.asked.append(mix[0][0])

    def prime(self, audio: np.ndarray) -> np.ndarray:
        self.asked.append(audio.shape)
        return np.zeros((1, 50), dtype=np.float32)

    def next_block(self) -> np.ndarray:
        self.asked.append("block")
        self.timings = {"prompt": 1.0, "steps": 2.0, "total": 3.0}
        return np.full((1, BLOCK), self.value * self.asked.count("block"), dtype=np.float32)


def play(session: NotingSession, path: Path, primer: np.ndarray) -> tuple[Performance, int]:
    ticks: list[int] = []
    with WavWriter(path, RATE, 1) as writer:
        played = perform(cast(Session, session), in_turn(0.4, ("a", "b")), 4, primer, writer, RATE, BLOCK / RATE, lambda: ticks.append(1))
    return played, len(ticks)


def test_prompts_are_set_right_before_the_block_that_they_begin(tmp_path: Path) -> None:
    session = NotingSession()
    played, ticks = play(session, tmp_path / "a.wav", np.full((1, 150), 0.5, dtype=np.float32))
    assert session.asked == ["a", (1, 150), "a", "block", "block", "b", "block", "block"]
    assert played.marks == ((0.15, "a"), (0.35, "b"))
    assert ticks == len(played.whole_ms) == 4


def test_the_file_holds_the_primer_and_then_every_block(tmp_path: Path) -> None:
    played, _ = play(NotingSession(), tmp_path / "a.wav", np.full((1, 150), 0.5, dtype=np.float32))
    audio, rate = soundfile.read(tmp_path / "a.wav", dtype="float32")
    assert rate == RATE
    np.testing.assert_allclose(audio, played.audio[0], atol=1e-6)
    np.testing.assert_allclose(audio[:100], 0.5, atol=1e-6)
    assert (np.diff(audio[100:150]) < 0).all(), "the primer's end leads into what the codec made of it"
    np.testing.assert_allclose(audio[150:], np.repeat([0.01, 0.02, 0.03, 0.04], 100), atol=1e-6)


def test_the_silence_of_a_codec_that_looks_ahead_is_left_out(tmp_path: Path) -> None:
    played, _ = play(NotingSession(delay_samples=130), tmp_path / "a.wav", np.zeros((1, 0), dtype=np.float32))
    np.testing.assert_allclose(played.audio[0, :80], np.repeat([0.02, 0.03], [70, 10]), atol=1e-6)
    assert played.audio.shape[1] == 4 * BLOCK - 130
    assert played.marks[0][0] == 0.0


def test_a_primer_that_the_decoder_has_heard_takes_the_place_of_that_silence(tmp_path: Path) -> None:
    played, _ = play(NotingSession(delay_samples=30), tmp_path / "a.wav", np.full((1, 150), 0.5, dtype=np.float32))
    assert played.primer_samples == 120
    assert played.audio.shape[1] == 120 + 4 * BLOCK
    assert played.marks[0][0] == 0.15


def test_the_prompt_stage_counts_only_where_the_prompt_changes(tmp_path: Path) -> None:
    played, _ = play(NotingSession(), tmp_path / "a.wav", np.zeros((1, 0), dtype=np.float32))
    assert [sorted(stages) for stages in played.stages_ms] == [["prompt", "steps"], ["steps"], ["prompt", "steps"], ["steps"]]
    assert played.prime_ms == 0.0


def test_sound_that_is_not_finite_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="not finite"):
        play(NotingSession(float("nan")), tmp_path / "a.wav", np.zeros((1, 0), dtype=np.float32))
    assert list(tmp_path.iterdir()) == []


def test_progress_tells_each_stage_and_keeps_its_seconds() -> None:
    for terminal in (False, True):
        console = Console(file=io.StringIO(), force_terminal=terminal, width=100)
        with Stages(console) as stages, stages("play") as stage:
            stage.note("loading")
            tick = stage.begin("blocks", 2)
            tick()
            tick()
        assert list(stages.seconds) == ["play"]
        assert "play" in cast(io.StringIO, console.file).getvalue()


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_bytes(tmp_path / "a", b"old")

    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="no space"):
        write_bytes(tmp_path / "a", b"new")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a", b"old")]
