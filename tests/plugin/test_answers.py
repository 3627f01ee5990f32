"""The wet sound of the VST3 against the Python runtime, which hears the same input: sample for sample, once the latency is off."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soxr
from scipy.signal import correlate, correlation_lags

from lmdm_runtime import Bundle, load_bundle
from tests.plugin import pedals
from tests.plugin.alone import alone
from tests.plugin.bundles import RATE, answers
from tests.plugin.conftest import Environment
from tests.plugin.juce_state import prompt
from tests.plugin.pedals import Play

SAME, SEEN = 2e-5, 1e-3
WET = {"mix": 1.0}


@pytest.mark.parametrize("seed", [0, 7])
def test_music_is_that_of_the_python_runtime(vst3: Path, installed: Environment, bundle: Bundle, tune: np.ndarray, seed: int) -> None:
    alike = np.stack((tune[0], tune[0]))
    (played,) = alone(installed, pedals.play, vst3, Play(alike, RATE, values={**WET, "seed": seed / 9999}))
    expected = answers(bundle, tune[0], prompt(played.state), seed)
    assert played.audio.shape == alike.shape
    for side in played.audio:
        np.testing.assert_allclose(side, expected, atol=SAME)
    late = answers(bundle, np.roll(tune[0], 1), prompt(played.state), seed)
    assert np.abs(played.audio[0] - late).max() > SEEN, "the control: input that is one sample late"
    assert np.abs(played.audio[0, 1:] - expected[:-1]).max() > SEEN, "the control: output that is one sample late"


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
@pytest.mark.parametrize("buffer", [512, 333])
def test_dry_sound_keeps_its_place(vst3: Path, installed: Environment, rate: int, buffer: int) -> None:
    """pedalboard takes off the latency that it is told: what is left is the input."""
    impulses = np.zeros((2, 2 * rate), np.float32)
    impulses[0, [100, 12_345, rate]] = 0.9
    impulses[1, [101, 20_000]] = -0.7
    aligned, direct = alone(
        installed,
        pedals.play,
        vst3,
        Play(impulses, rate, buffer, values={"mix": 0.0}),
        Play(impulses, rate, buffer, values={"mix": 0.0, "monitor": 1.0}),
    )
    for played in (aligned, direct):
        np.testing.assert_allclose(played.audio, impulses[:, : played.audio.shape[1]], atol=1e-6)
    assert aligned.latency > 0
    assert direct.latency == 0


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
def test_the_answer_begins_with_the_frame_that_heard(vst3: Path, installed: Environment, bundle: Bundle, rate: int) -> None:
    """In the tiny instrument a click changes the sound from the beginning of its frame on: as Python says, to the sample."""
    clicks = {}
    for own in (RATE, rate):
        frame = bundle.manifest.codec.frame_size * own / RATE
        clicks[own] = np.zeros((2, 3 * own), np.float32)
        clicks[own][:, int(38.3 * frame) : int(38.7 * frame)] = 0.9
    with_it, without, direct = alone(
        installed,
        pedals.play,
        vst3,
        Play(clicks[rate], rate, values=WET),
        Play(0 * clicks[rate], rate, values=WET),
        Play(clicks[rate], rate, values={**WET, "monitor": 1.0}),
    )
    said = prompt(with_it.state)
    expected = answers(bundle, clicks[RATE][0], said) - answers(bundle, 0 * clicks[RATE][0], said)
    heard = with_it.audio[0] - without.audio[0]
    # Where two resamplers differ in their filters, the shift at which they agree best still is none.
    overlap = correlate(heard, soxr.resample(expected, RATE, rate), method="fft")
    assert int(np.argmax(overlap)) == np.flatnonzero(correlation_lags(len(heard), round(len(expected) * rate / RATE)) == 0)
    apart = np.abs(with_it.audio - without.audio).max(axis=0)
    assert apart[: int(36 * frame)].max() == 0
    delayed = direct.audio[:, with_it.latency :]
    np.testing.assert_array_equal(delayed, with_it.audio[:, : delayed.shape[1]])


@pytest.mark.heavy
def test_the_default_instrument(vst3: Path, home: Environment, tune: np.ndarray, default_bundle: Path) -> None:
    """Pitch and loudness of the trained instrument, through graphs of torch."""
    alike = np.stack((tune[0], tune[0]))
    (played,) = alone({**home, "LMDM_BUNDLE": str(default_bundle)}, pedals.play, vst3, Play(alike, RATE, values=WET))
    expected = answers(load_bundle(default_bundle), tune[0], prompt(played.state))
    for side in played.audio:
        np.testing.assert_allclose(side, expected, atol=SAME)
    assert np.abs(played.audio).max() > 0.01
