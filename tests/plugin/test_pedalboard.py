"""The VST3 in pedalboard: what it tells, what it plays, and what it keeps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lmdm_runtime import Bundle
from tests.plugin import pedals
from tests.plugin.alone import alone
from tests.plugin.bundles import RATE
from tests.plugin.conftest import Environment
from tests.plugin.pedals import Play

WET, DRY = {"mix": 1.0}, {"mix": 0.0}


def test_it_tells_what_it_is(vst3: Path, home: Environment) -> None:
    about = alone(home, pedals.about, vst3)
    assert (about["name"], about["manufacturer"], about["effect"]) == ("Generative Delay", "LMDM", True)
    texts = {name: (label, text) for name, (label, text, _) in about["parameters"].items()}
    assert texts == {
        "input_gain_db": ("dB", "0.0"),
        "output_gain_db": ("dB", "0.0"),
        "mix": ("%", "50.0"),
        "pitch": ("%", "100.0"),
        "loudness": ("%", "100.0"),
        "crossfade": ("%", "0.0"),
        "context_drop": ("%", "70.0"),
        "feedback": ("%", "100.0"),
        "steps": (None, "bundle"),
        "guidance": (None, "bundle"),
        "seed": (None, "0"),
        "freeze": (None, "Off"),
        "monitor": (None, "Aligned"),
        "block_length": (None, "0"),
        "headroom": (None, "Auto"),
        "underrun": (None, "Silence"),
        "bypass": (None, "Off"),
    }


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
def test_size_of_calls_does_not_matter(vst3: Path, installed: Environment, tune: np.ndarray, rate: int) -> None:
    sizes = [Play(tune, rate, buffer, values=WET) for buffer in (512, 64, 441, 8192)]
    changing = Play(tune, rate, 2048, pieces=(2048, 3, 100, 2047, 513), values=WET)
    other = Play(tune, rate, 512, values={**WET, "seed": 1 / 9999})
    first, *same, pieces, another = alone(installed, pedals.play, vst3, *sizes, changing, other)
    assert first.audio.shape == tune.shape
    assert np.isfinite(first.audio).all()
    assert np.abs(first.audio[:, -rate // 2 :]).max() > 0.01, "music"
    for one in same:
        np.testing.assert_array_equal(one.audio, first.audio)
    np.testing.assert_array_equal(pieces.audio, first.audio[:, : pieces.audio.shape[1]])
    assert pieces.audio.shape[1] > tune.shape[1] - pieces.latency - 2048
    assert np.abs(another.audio - first.audio).max() > 0.01, "the control: noise of another seed"


def test_mono_is_heard(vst3: Path, installed: Environment, tune: np.ndarray) -> None:
    alike = np.stack((tune[0], tune[0]))
    mono, stereo = alone(installed, pedals.play, vst3, Play(tune[:1], RATE, values=WET), Play(alike, RATE, values=WET))
    assert mono.audio.shape == (1, tune.shape[1])
    np.testing.assert_allclose(mono.audio[0], stereo.audio[0], atol=1e-6)


def test_a_piece_begins_again(vst3: Path, installed: Environment, tune: np.ndarray) -> None:
    first, second = alone(installed, pedals.play_again, vst3, Play(tune, RATE, values=WET), 2)
    np.testing.assert_array_equal(first.audio, second.audio)
    assert np.abs(first.audio - tune).max() > 0.01


VALUES = {
    "input_gain": 0.25,
    "output_gain": 0.8,
    "mix": 0.9,
    "pitch": 0.1,
    "loudness": 0.7,
    "crossfade": 0.5,
    "context_drop": 0.2,
    "feedback": 0.6,
    "steps": 2 / 16,
    "guidance": 0.35,
    "seed": 1234 / 9999,
}


def test_a_state_is_restored_exactly(vst3: Path, installed: Environment, tune: np.ndarray) -> None:
    (told,) = alone(installed, pedals.play, vst3, Play(tune, RATE, values=VALUES))
    again, plain = alone(installed, pedals.play, vst3, Play(tune, RATE, state=told.state), Play(tune, RATE))
    assert (again.texts, again.state) == (told.texts, told.state)
    assert again.values == pytest.approx(told.values, abs=1e-6)
    np.testing.assert_array_equal(again.audio, told.audio)
    assert plain.values != told.values
    assert np.abs(plain.audio - told.audio).max() > 0.01


def test_instances_live_side_by_side(vst3: Path, installed: Environment, tune: np.ndarray) -> None:
    plays = [Play(tune, RATE, pieces=(512,), values={**WET, "seed": seed / 9999}) for seed in (0, 1, 2)]
    together = alone(installed, pedals.play_in_turn, vst3, *plays)
    assert np.abs(together[0] - together[1]).max() > 0.01
    for one, heard in zip(plays, together, strict=True):
        (single,) = alone(installed, pedals.play, vst3, one)
        np.testing.assert_array_equal(heard, single.audio)


def test_a_scan_loads_no_runtime(vst3: Path, installed: Environment, bundle: Bundle, tune: np.ndarray) -> None:
    found = alone(installed, pedals.libraries_of_a_scan, vst3, Play(tune, RATE, values=WET))
    assert "GenerativeDelay.so" in found["scanned"]
    assert not [name for name in found["scanned"] if "onnxruntime" in name]
    assert [name for name in found["played"] if "onnxruntime" in name], "the control: it is seen where it is"
