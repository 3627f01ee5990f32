"""Slopes, courses and percentiles against scipy and numpy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import linregress
from scipy.stats import t as student

from benchmarks.trend import Slope, course, percentiles


def test_a_slope_is_that_of_least_squares() -> None:
    draw = np.random.default_rng(3)
    seconds = np.sort(draw.uniform(0, 3600, 40))
    values = 5 + 2e-3 * seconds + draw.normal(0, 0.5, 40)
    ours, theirs = Slope.of(seconds, values), linregress(seconds / 3600, values)
    reach = theirs.stderr * student.ppf(0.975, 38)
    assert (ours.per_hour, ours.low, ours.high) == pytest.approx((theirs.slope, theirs.slope - reach, theirs.slope + reach))
    assert ours.low < 7.2 < ours.high


def test_the_interval_holds_as_often_as_it_says() -> None:
    draw, seconds = np.random.default_rng(0), np.linspace(0, 3600, 30)
    found = [Slope.of(seconds, draw.normal(0, 1, 30)) for _ in range(2000)]
    assert 0.935 < np.mean([slope.low <= 0 <= slope.high for slope in found]) < 0.965


def test_two_points_have_no_slope() -> None:
    assert np.isnan(Slope.of([0, 1], [0, 1]).per_hour)
    assert Slope.of([0, 1], [0, 1]).to_json()["low"] is None


def test_course_and_percentiles_are_numpys() -> None:
    seconds, values = np.arange(100) + 0.5, np.random.default_rng(1).normal(size=100)
    found = course(seconds, values, 100, 4)
    quarters = values.reshape(4, 25)
    assert found["seconds"] == [12.5, 37.5, 62.5, 87.5]
    assert found["median"] == pytest.approx(np.median(quarters, axis=1), abs=1e-4)
    assert found["p99"] == pytest.approx(np.percentile(quarters, 99, axis=1), abs=1e-4)
    assert found["max"] == pytest.approx(quarters.max(axis=1), abs=1e-4)
    assert list(percentiles(values).values()) == pytest.approx(np.percentile(values, [50, 95, 99, 100]), abs=1e-4)
    assert course([1.0, 99.0], [3.0, 4.0], 100, 4)["seconds"] == [12.5, 87.5]
    assert np.isnan(percentiles([])["p50"])
