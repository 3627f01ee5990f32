"""Whether a figure goes up or down with time: its course in bins, and the slope of a line through them with an interval."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t as student

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Slope:
    """Least squares: units an hour, and between which two the slope lies with 95 % confidence (Student's t)."""

    per_hour: float
    low: float
    high: float
    points: int

    @classmethod
    def of(cls, seconds: ArrayLike, values: ArrayLike) -> Slope:
        """NaN where fewer than three points are given.

        Neighbouring points must be nearly independent for the interval to hold: give medians of bins, not single blocks.
        """
        x, y = np.asarray(seconds, float) / 3600, np.asarray(values, float)
        if len(x) < 3:
            return cls(float("nan"), float("nan"), float("nan"), len(x))
        centred = x - x.mean()
        squares = float(centred @ centred)
        slope = float(centred @ y) / squares
        left = y - y.mean() - slope * centred
        error = float(np.sqrt(left @ left / (len(x) - 2) / squares))
        reach = error * float(student.ppf((1 + CONFIDENCE) / 2, len(x) - 2))
        return cls(slope, slope - reach, slope + reach, len(x))

    def to_json(self) -> dict[str, float | None]:
        return {name: None if np.isnan(value) else round(value, 4) for name, value in asdict(self).items()}


def course(seconds: ArrayLike, values: ArrayLike, length: float, bins: int) -> dict[str, list[float]]:
    """Middle, median, 99th percentile and maximum of each of `bins` equal parts of 0 to `length` seconds; empty ones are left out."""
    at, of = np.asarray(seconds, float), np.asarray(values, float)
    places = np.minimum((at / length * bins).astype(int), bins - 1)
    parts: list[tuple[int, NDArray]] = [(place, of[places == place]) for place in np.unique(places)]
    return {
        "seconds": [round(length * (place + 0.5) / bins, 3) for place, _ in parts],
        "median": [round(float(np.median(part)), 4) for _, part in parts],
        "p99": [round(float(np.percentile(part, 99)), 4) for _, part in parts],
        "max": [round(float(part.max()), 4) for _, part in parts],
    }


def percentiles(values: ArrayLike) -> dict[str, float]:
    """p50, p95, p99 and max; NaN of nothing."""
    of = np.asarray(values, float)
    if not of.size:
        return dict.fromkeys(("p50", "p95", "p99", "max"), float("nan"))
    found = np.percentile(of, [50, 95, 99, 100])
    return {name: round(float(value), 4) for name, value in zip(("p50", "p95", "p99", "max"), found, strict=True)}
