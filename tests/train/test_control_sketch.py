"""Sketch controls against librosa and scipy, and the stream against the whole."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
import scipy.ndimage
import torch

from lmdm_train.control import LoudnessControl, PitchControl
from lmdm_train.control.loudness import a_weighting
from lmdm_train.control.sketch import MEDIANS, Sketch, finish, raw_features, trailing_median
from lmdm_train.presets import preset

RATE, FRAME = 44_100, 2048


def tone(hz: float, amplitude: float = 0.5, frames: int = 24) -> torch.Tensor:
    return amplitude * torch.sin(2 * np.pi * hz * torch.arange(frames * FRAME) / RATE)[None]


def analysed(control: PitchControl | LoudnessControl, audio: torch.Tensor) -> torch.Tensor:
    analyser = control.analyser(RATE, FRAME)
    return analyser(torch.nn.functional.pad(audio, (analyser.history, 0)))


@pytest.mark.parametrize("hz", [130.81, 440.0, 1396.9, 3520.0])
def test_a_tone_is_its_own_bin_as_in_librosa(hz: float) -> None:
    control = PitchControl()
    ours = control.shape(analysed(control, tone(hz)))[0, :, -1]
    theirs = np.abs(librosa.cqt(tone(hz)[0].numpy(), sr=RATE, fmin=control.lowest_hz, n_bins=control.values, bins_per_octave=12))
    assert int(ours.argmax()) == int(theirs[:, theirs.shape[1] // 2].argmax()) == round(12 * np.log2(hz / control.lowest_hz))
    assert float(ours.max()) == pytest.approx(1.0)


def test_the_strongest_notes_of_a_chord_are_kept_and_no_more() -> None:
    control = PitchControl(top=3)
    notes = (261.63, 329.63, 392.0, 523.25)
    chord = sum(tone(hz, level) for hz, level in zip(notes, (0.3, 0.2, 0.15, 0.02), strict=True))
    kept = control.shape(analysed(control, torch.as_tensor(chord)))[0, :, -1].nonzero().flatten().tolist()
    assert kept == [round(12 * np.log2(hz / control.lowest_hz)) for hz in notes[:3]]


def test_a_level_in_decibels_becomes_a_weight() -> None:
    control = PitchControl(range_db=30)
    both = tone(440.0, 0.5) + tone(1760.0, 0.5 * 10 ** (-12 / 20))
    values = control.shape(analysed(control, both))[0, :, -1]
    assert float(values[57]) == pytest.approx(1 - 12 / 30, abs=0.03)


def test_silence_has_no_pitch_and_the_lowest_level() -> None:
    quiet = torch.zeros(1, 8 * FRAME)
    assert not control_values(PitchControl(), quiet).any()
    lowest = control_values(LoudnessControl(), quiet)
    assert bool((lowest[:, 0] == 1).all())
    assert not lowest[:, 1:].any()


def test_a_level_is_read_back_from_its_channels() -> None:
    """The channels are numpy's linear interpolation of each unit vector, and lose nothing within the range."""
    control = LoudnessControl(lowest_db=-50, highest_db=-5, levels=10)
    level = torch.linspace(-60, 5, 131)
    values = control.shape(level[None, None])
    grid = np.linspace(-50, -5, 10)
    for index, unit in enumerate(np.eye(10)):
        assert values[0, index].numpy() == pytest.approx(np.interp(level.numpy(), grid, unit), abs=1e-5)
    assert control.level(values)[0].numpy() == pytest.approx(np.clip(level.numpy(), -50, -5), abs=1e-4)


def control_values(control: PitchControl | LoudnessControl, audio: torch.Tensor) -> torch.Tensor:
    return control.shape(analysed(control, audio))


def test_the_weighting_is_librosas() -> None:
    hz = np.geomspace(30, 18_000, 50)
    assert 20 * np.log10(a_weighting(hz)) == pytest.approx(librosa.A_weighting(hz, min_db=None), abs=0.02)


@pytest.mark.parametrize("hz", [200.0, 1000.0, 5000.0])
def test_loudness_of_a_tone_is_its_weighted_level(hz: float) -> None:
    level = float(analysed(LoudnessControl(), tone(hz))[0, 0, -1])
    assert level == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)) + float(librosa.A_weighting(np.array([hz]))[0]), abs=0.5)


@pytest.mark.parametrize("length", MEDIANS)
def test_the_median_looks_back_only_and_is_scipys(length: int) -> None:
    raw = torch.randn(2, 3, 40 + length - 1)
    theirs = scipy.ndimage.median_filter(raw.numpy(), size=(1, 1, length), mode="nearest")
    half = length // 2
    assert trailing_median(raw, length).numpy() == pytest.approx(theirs[:, :, half : theirs.shape[2] - half])


@pytest.mark.parametrize("median", MEDIANS)
def test_a_stream_equals_the_whole(median: int) -> None:
    config = preset("tiny-sketch")
    audio = torch.randn(1, 40 * config.codec.frame_size)
    whole = finish(config, raw_features(config, audio), median)
    sketch = Sketch(config)
    state, choice = sketch.state(), torch.tensor([float(length == median) for length in MEDIANS])
    size, blocks = 4 * config.codec.frame_size, []
    for block in range(10):
        made, state = sketch.step(audio[None, :, block * size : (block + 1) * size], choice, state)
        blocks.append(made)
    for group, expected in whole.items():
        streamed = torch.cat([made[group] for made in blocks], dim=2)
        assert torch.allclose(streamed, expected, atol=1e-5)

    forgotten, _ = sketch.step(audio[None, :, -size:], choice, sketch.state())
    assert not torch.allclose(forgotten["loudness"], whole["loudness"][:, :, -4:], atol=1e-5)


def test_no_frame_depends_on_what_comes_after_it() -> None:
    config = preset("tiny-sketch")
    audio = torch.randn(1, 40 * config.codec.frame_size)
    changed = audio.clone()
    changed[:, 20 * config.codec.frame_size :] = 0
    before, after = (finish(config, raw_features(config, x), 9) for x in (audio, changed))
    for group in before:
        assert torch.equal(before[group][:, :, :20], after[group][:, :, :20])
        assert not torch.equal(before[group][:, :, 20:], after[group][:, :, 20:])
