"""Curves over time: their statistics against known answers, and every metric on drift that was added on purpose."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import torch
from torch import Tensor

from lmdm_train.evaluate.asked import asked_by, differing
from lmdm_train.evaluate.curves import Curve, Windows, curve, jackknife_error, slope_per_minute
from lmdm_train.evaluate.drift import Played, Yardstick, centroids_hz, drift_curves, levels_db
from lmdm_train.evaluate.judge import SAMPLE_RATE, load_judge
from lmdm_train.evaluate.shipped import shipped
from tests.train.evaluate_music import low_passed, music

PIECES, LENGTH = 3, 24.0


def test_the_jackknife_of_a_mean_is_its_standard_error():
    values = np.random.default_rng(0).standard_normal((9, 4))
    left_out = np.stack([np.delete(values, i, axis=0).mean(0) for i in range(9)])
    assert jackknife_error(left_out) == pytest.approx(scipy.stats.sem(values, axis=0), rel=1e-9)


def test_a_slope_is_scipys_and_is_told_with_its_error():
    times, rng = np.arange(0, 120, 2.0), np.random.default_rng(1)
    series = 3 + 0.5 * times / 60 + 0.1 * rng.standard_normal((8, len(times)))
    assert slope_per_minute(times, series[0]) == pytest.approx(scipy.stats.linregress(times / 60, series[0]).slope)
    found = curve("x", "", times, lambda pieces: series[pieces].mean(0), 8)
    assert abs(found.slope - 0.5) < 3 * found.slope_error < 0.25
    level = curve("x", "", times, lambda pieces: series[pieces].mean(0) - 0.5 * times / 60, 8)
    assert abs(level.slope) < 3 * level.slope_error
    assert level.slope < 0.1 < found.slope


def test_models_on_the_same_pieces_are_compared_without_what_they_have_in_common():
    """The error of the difference is that of the paired differences, and far below what unpaired errors would give."""
    times, rng = np.arange(0, 120, 2.0), np.random.default_rng(2)
    common = rng.standard_normal((8, 1)) * times / 60
    own = [0.05 * rng.standard_normal((8, len(times))) for _ in range(2)]
    a, b = (curve("x", "", times, lambda p, s=common + noise + k * times / 60: s[p].mean(0), 8) for k, noise in enumerate(own))
    difference, error = b.steeper_than(a)
    slopes = [[slope_per_minute(times, row) for row in common + noise + k * times / 60] for k, noise in enumerate(own)]
    assert difference == pytest.approx(np.mean(slopes[1]) - np.mean(slopes[0]))
    assert error == pytest.approx(scipy.stats.sem(np.subtract(slopes[1], slopes[0])))
    assert error < 0.1 * a.slope_error


def test_windows_hold_what_lies_wholly_inside():
    windows = Windows(total=30, seconds=10, hop=5)
    assert windows.starts.tolist() == [0, 5, 10, 15, 20]
    inside = windows.within(3.0, 1.0, 28)
    assert inside[1].tolist() == list(range(5, 13))


def test_level_and_centroid_are_those_of_a_sine():
    n = torch.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    sine = 0.5 * torch.sin(2 * torch.pi * 3000 * n)[None]
    assert levels_db(sine)[0] == pytest.approx(-9.03, abs=0.02)
    assert centroids_hz(sine)[0] == pytest.approx(3000, rel=0.01)


def prompts() -> list[str]:
    return ["techno with drums", "pop without drums", "jazz with piano"]


def steady(first: int) -> Tensor:
    """The same six seconds over and over: music that does not drift."""
    return torch.cat([music(first + i).repeat(1, int(LENGTH / 6)) for i in range(PIECES)])


def frames_of(audio: Tensor) -> Tensor:
    """Levels of a few bands as if they were latents, [B, 8, frames]."""
    power = torch.stft(audio, 2048, 2048, window=torch.hann_window(2048), return_complex=True).abs()
    return torch.log10(power[:, 1:].unfold(1, 128, 128).mean(-1) + 1e-2)


def ramped(audio: Tensor, worse: Tensor) -> Tensor:
    """From one recording to the other, gradually."""
    share = torch.linspace(0, 1, audio.shape[1])
    return audio * (1 - share) + worse * share


DRIFTS = {
    "none": lambda audio: audio,
    "noise": lambda audio: ramped(audio, audio + 0.05 * torch.randn(audio.shape, generator=torch.Generator().manual_seed(0))),
    "dull": lambda audio: ramped(audio, low_passed(audio, 800)),
    "fading": lambda audio: ramped(audio, audio * 0.1),
}


@pytest.fixture(scope="module")
def measured() -> dict[str, dict[str, Curve]]:
    torch.manual_seed(0)
    judge = load_judge(shipped("judge.safetensors"))
    real = torch.cat([music(i, 12) for i in range(6)])
    yardstick = Yardstick(real, frames_of(real), [steady(20)], prompts() * 2)
    found = {}
    for name, drift in DRIFTS.items():
        audio = drift(steady(10))
        curves = drift_curves(Played(prompts(), frames_of(audio), audio), yardstick, judge, Windows(LENGTH, 6.0, 3.0))
        found[name] = {item.name.split(",")[0]: item for item in curves}
    return found


def test_steady_music_has_no_slope(measured):
    for name, item in measured["none"].items():
        scale = abs(item.values).mean() + item.real_spread
        assert abs(item.slope) < 0.05 * scale + 3 * item.slope_error, name
        assert item.values.shape == item.times.shape == item.errors.shape


@pytest.mark.parametrize(
    ("drift", "metric", "sign"),
    [
        ("noise", "Fréchet distance", 1),
        ("noise", "kernel distance", 1),
        ("noise", "spectral centroid", 1),
        ("noise", "spread of latents", -1),
        ("dull", "Fréchet distance", 1),
        ("dull", "spectral centroid", -1),
        ("fading", "Fréchet distance", 1),
        ("fading", "level", -1),
    ],
)
def test_drift_that_was_added_is_seen_with_its_sign(measured, drift, metric, sign):
    """Beyond three standard errors, and ten times what steady music shows."""
    item, steady_item = measured[drift][metric], measured["none"][metric]
    assert sign * item.slope > 3 * item.slope_error
    assert abs(item.slope) > 10 * abs(steady_item.slope)
    assert sign * item.rise > 0


def test_a_prompt_asks_in_the_judges_words():
    assert asked_by("Techno in A minor, 128 bpm, with saw lead, bright pad, synth bass and drums") == {
        "style": "techno",
        "lead": "saw lead",
        "chords": "bright pad",
        "bass": "synth bass",
        "drums": "drums",
    }
    assert asked_by("pop with electric piano without drums") == {"style": "pop", "chords": "electric piano", "drums": "none"}
    assert asked_by("whale song") == {}
    assert differing({"style": "pop", "drums": "none"}, {"style": "jazz", "drums": "none", "bass": "acoustic bass"}) == ["style"]
