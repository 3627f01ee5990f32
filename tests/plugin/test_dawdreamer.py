"""The VST3 in DawDreamer: automation for every sample, a pedal and a note, and states in files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lmdm_runtime import Bundle
from tests.plugin import dawdream, pedals
from tests.plugin.alone import alone
from tests.plugin.artefacts import need_host
from tests.plugin.bundles import RATE
from tests.plugin.conftest import Environment
from tests.plugin.dawdream import Render, Rendered
from tests.plugin.pedals import Play

WET = {"Mix": 1.0}


@pytest.fixture(autouse=True)
def _there_is_dawdreamer() -> None:
    need_host("dawdreamer")


def heard(rendered: Rendered) -> np.ndarray:
    """From the first sample on that answers one of the input."""
    return rendered.audio[:, rendered.latency :]


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_both_hosts_hear_the_same(vst3: Path, installed: Environment, tune: np.ndarray, rate: int) -> None:
    (rendered,) = alone(installed, dawdream.render, vst3, Render(tune, rate, values=WET))
    (played,) = alone(installed, pedals.play, vst3, Play(tune, rate, values={"mix": 1.0}))
    assert rendered.latency == played.latency > 0
    count = heard(rendered).shape[1]
    assert count > tune.shape[1] / 2
    np.testing.assert_allclose(heard(rendered), played.audio[:, :count], atol=1e-6)


def test_a_crossfade_is_automated(vst3: Path, installed: Environment, bundle: Bundle, tune: np.ndarray) -> None:
    """Music is that of prompt A before the fade moves, and another after it."""
    half = tune.shape[1] // 2
    moves = np.concatenate((np.zeros(half), np.ones(tune.shape[1] - half)))
    still, moved = alone(
        installed, dawdream.render, vst3, Render(tune, RATE, values=WET), Render(tune, RATE, values=WET, automation={"Crossfade": moves})
    )
    block = bundle.manifest.model.block * bundle.manifest.codec.frame_size
    apart = np.abs(heard(moved) - heard(still)).max(axis=0)
    assert apart[: half - block].max() == 0
    assert apart[half + block :].max() > 0.01
    assert moved.texts["Crossfade"] == "100.0"


def midi_file(path: Path, *messages: tuple[float, list[int]]) -> Path:
    """Messages at seconds."""
    mido = pytest.importorskip("mido")
    file = mido.MidiFile(ticks_per_beat=480)
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=500_000)])
    file.tracks.append(track)
    last = 0
    for seconds, message in messages:
        ticks = round(seconds * 960)
        track.append(mido.Message.from_bytes(message, time=ticks - last))
        last = ticks
    file.save(path)
    return path


def test_a_pedal_freezes(vst3: Path, installed: Environment, bundle: Bundle, tune: np.ndarray, tmp_path: Path) -> None:
    """While it is held the input does not matter, and it does before and after that."""
    pedal = midi_file(tmp_path / "pedal.mid", (1.0, [0xB0, 64, 127]), (2.0, [0xB0, 64, 0]))
    changed = tune.copy()
    block = bundle.manifest.model.block * bundle.manifest.codec.frame_size
    changed[:, RATE + 2 * block : 2 * RATE - 2 * block] += 0.5
    held, otherwise, free, free_otherwise = alone(
        installed,
        dawdream.render,
        vst3,
        *(Render(audio, RATE, values={**WET, "Feedback": 0.0}, midi=midi) for midi in (pedal, None) for audio in (tune, changed)),
    )
    inside = slice(RATE + 2 * block, 2 * RATE - 2 * block)
    assert np.abs(heard(held)[:, inside] - heard(otherwise)[:, inside]).max() == 0
    assert np.abs(heard(free)[:, inside] - heard(free_otherwise)[:, inside]).max() > 0.01, "the control: without the pedal"
    assert np.abs(heard(held)[:, inside] - heard(free)[:, inside]).max() > 0.01


def test_a_note_begins_the_piece_again(vst3: Path, installed: Environment, tune: np.ndarray, tmp_path: Path) -> None:
    """After it, silence is answered as at the beginning; without it, the context goes on."""
    note = midi_file(tmp_path / "note.mid", (1.0, [0x90, 36, 100]), (1.2, [0x80, 36, 0]))
    silence = np.zeros_like(tune)
    reset, plain = alone(installed, dawdream.render, vst3, Render(silence, RATE, values=WET, midi=note), Render(silence, RATE, values=WET))
    apart = np.abs(heard(reset) - heard(plain)).max(axis=0)
    assert apart[: RATE // 2].max() == 0
    assert apart[RATE + RATE // 2 :].max() > 0.01


def test_states_in_files(vst3: Path, installed: Environment, tune: np.ndarray, tmp_path: Path) -> None:
    values = {**WET, "Seed": 77 / 9999, "Crossfade": 0.5, "Loudness": 0.25}
    told, plain = alone(
        installed, dawdream.render, vst3, Render(tune, RATE, values=values, save=tmp_path / "state"), Render(tune, RATE, values=WET)
    )
    (again,) = alone(installed, dawdream.render, vst3, Render(tune, RATE, state=tmp_path / "state"))
    assert again.texts == told.texts != plain.texts
    np.testing.assert_array_equal(again.audio, told.audio)
