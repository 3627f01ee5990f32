"""Noise levels against scipy's distributions, and the shift against the values of the paper's code."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.special import expit, logit

from lmdm_train.flow.noise_levels import (
    LogitNormal,
    LogSnrNormal,
    LogSnrUniform,
    NoiseLevels,
    Shift,
    TruncatedLogitNormal,
    Uniform,
    draw_levels,
)

MANY = 4096


def truncated(left: float, flipped: bool) -> np.ndarray:
    """A sample of the truncated logit-normal by scipy's truncnorm, stretched as stable-audio-tools does."""
    inside = expit(stats.truncnorm.rvs(logit(left), np.inf, size=200_000, random_state=0))
    stretched = (inside - left) / (1 - left)
    return 1 - stretched if flipped else stretched


CASES: list[tuple[NoiseLevels, object]] = [
    (Uniform(), lambda t: stats.uniform.cdf(t)),
    (LogitNormal(), lambda t: stats.norm.cdf(logit(t))),
    (LogitNormal(mean=0.5, deviation=2.0), lambda t: stats.norm.cdf(logit(t), loc=0.5, scale=2.0)),
    (TruncatedLogitNormal(), truncated(0.075, True)),
    (TruncatedLogitNormal(left=0.2, flipped=False), truncated(0.2, False)),
    (LogSnrNormal(), lambda t: stats.norm.sf(-logit(t), loc=-1.2, scale=2.0)),
    (LogSnrUniform(), lambda t: stats.uniform.sf(-logit(t), loc=-6, scale=8)),
]


@pytest.mark.parametrize("index", range(len(CASES)), ids=lambda i: f"{CASES[i][0].kind}-{i}")
def test_levels_follow_their_distribution_and_no_other(index: int) -> None:
    t = draw_levels(CASES[index][0], MANY, random.Random(1)).numpy()
    for other, (_, oracle) in enumerate(CASES):
        distance = stats.kstest(t, oracle).statistic if callable(oracle) else stats.ks_2samp(t, oracle).statistic
        assert (distance < 0.005) == (other == index), (CASES[other][0], distance)


def test_a_small_batch_covers_the_distribution_better_than_chance() -> None:
    """Scrambled Sobol: 16 points, one in each sixteenth. Independent points would leave some empty."""
    for seed in range(20):
        cells = (draw_levels(Uniform(), 16, random.Random(seed)) * 16).long()
        assert sorted(cells.tolist()) == list(range(16))
    independent = (torch.rand(16, generator=torch.Generator().manual_seed(0)) * 16).long()
    assert sorted(independent.tolist()) != list(range(16))


def test_levels_are_a_function_of_the_rng() -> None:
    one, same, other = (draw_levels(LogitNormal(), 8, random.Random(seed)) for seed in (3, 3, 4))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_every_point_of_a_draw_is_uniform_over_seeds() -> None:
    first = [float(draw_levels(Uniform(), 5, random.Random(seed))[0]) for seed in range(100)]
    assert stats.kstest(first, "uniform").pvalue > 0.01


def test_the_shift_has_the_strengths_of_the_released_code() -> None:
    """Facts sheet §4: exp(0.5) up to 256 frames, 240 among them; 1.798 at 768."""
    shift = Shift()
    assert shift.strength(240) == shift.strength(256) == pytest.approx(1.6487, abs=1e-4)
    assert shift.strength(768) == pytest.approx(1.798, abs=1e-3)
    assert shift.strength(9000) == shift.strength(4096) == pytest.approx(float(np.exp(1.15)))


def test_the_shift_is_that_of_stable_audio_tools() -> None:
    """`1 - e^mu / (e^mu + 1 / (1 - t) - 1)` with `mu = -log s`: written as odds, `t / (1 - t)` times s."""
    t = torch.linspace(0.01, 0.99, 50, dtype=torch.float64)
    mu = -(0.5 + 0.65 * (768 - 256) / (4096 - 256))
    theirs = 1 - np.exp(mu) / (np.exp(mu) + 1 / (1 - t) - 1)
    assert torch.allclose(Shift()(t, 768), theirs, rtol=0, atol=1e-12)
    assert not torch.allclose(Shift()(t, 256), theirs, rtol=0, atol=1e-3)
    drawn = draw_levels(Uniform(), MANY, random.Random(0), Shift(), 768)
    assert float(drawn.mean()) > 0.59
    assert torch.allclose(drawn, Shift()(draw_levels(Uniform(), MANY, random.Random(0)), 768), atol=1e-6)
