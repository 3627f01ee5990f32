"""Curves over time from several pieces, their slopes, and how sure both are: one jackknife over the pieces for every metric."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray
# Which pieces -> one value for each time window, [T]. Means and Fréchet distances fit alike.
Statistic = Callable[[Array], Array]


@dataclass(frozen=True)
class Curve:
    """One metric over the windows of a rollout.

    Attributes:
        times: centres of the windows in seconds, [T].
        values, errors: the metric over all pieces and its standard error, [T].
        slope, slope_error: of a straight line through the values, per minute.
        rise, rise_error: mean of the last fifth of the windows minus mean of the first.
        real: the same metric on real music, and its spread.
        slopes_without: the slope when one piece is left out, [pieces].
    """

    name: str
    unit: str
    times: Array
    values: Array
    errors: Array
    slope: float
    slope_error: float
    rise: float
    rise_error: float
    real: float | None = None
    real_spread: float = 0.0
    slopes_without: Array = field(default_factory=lambda: np.full(2, np.nan))

    def steeper_than(self, other: Curve) -> tuple[float, float]:
        """Difference of the slopes on the same pieces, and its standard error, which ups and downs in common do not enlarge."""
        return self.slope - other.slope, float(jackknife_error(self.slopes_without - other.slopes_without))

    def as_json(self) -> dict[str, Any]:
        return {key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in vars(self).items()}


def slope_per_minute(times: Array, values: Array) -> float:
    """Of the least-squares line."""
    if len(times) < 2:
        return 0.0
    return float(np.polyfit(times / 60, values, 1)[0])


def rise(values: Array) -> float:
    fifth = max(1, len(values) // 5)
    return float(values[-fifth:].mean() - values[:fifth].mean())


def jackknife_error(left_out: Array) -> Array:
    """Standard error from estimates that each leave one piece out, [pieces, ...] (Efron and Stein 1981, Eq. 1.3)."""
    pieces = len(left_out)
    error: Array = np.sqrt((pieces - 1) / pieces * ((left_out - left_out.mean(0)) ** 2).sum(0))
    return error


def curve(
    name: str, unit: str, times: Array, statistic: Statistic, pieces: int, *, real: float | None = None, real_spread: float = 0.0
) -> Curve:
    """The curve over all pieces. With one piece there is no error to be known, and it is NaN."""
    everyone = np.arange(pieces)
    values = statistic(everyone)
    if pieces > 1:
        left_out = np.stack([statistic(np.delete(everyone, index)) for index in everyone])
    else:
        left_out = np.full((2, len(values)), np.nan)
    slopes = np.array([slope_per_minute(times, item) for item in left_out]) if pieces > 1 else np.full(2, np.nan)
    return Curve(
        name,
        unit,
        times,
        values,
        jackknife_error(left_out),
        slope_per_minute(times, values),
        float(jackknife_error(slopes)),
        rise(values),
        float(jackknife_error(np.array([rise(item) for item in left_out]))),
        real,
        real_spread,
        slopes,
    )


@dataclass(frozen=True)
class Windows:
    """Sliding windows of `seconds` every `hop` seconds over `total` seconds."""

    total: float
    seconds: float = 10.0
    hop: float = 2.0

    @property
    def starts(self) -> Array:
        return np.arange(0, max(self.total - self.seconds, 0) + 1e-6, self.hop)

    @property
    def times(self) -> Array:
        return np.asarray(self.starts + self.seconds / 2)

    def within(self, length: float, hop: float, count: int) -> list[Array]:
        """Of `count` items of `length` seconds every `hop` seconds: which lie wholly inside of each window."""
        begin = np.arange(count) * hop
        return [np.flatnonzero((begin >= start - 1e-6) & (begin + length <= start + self.seconds + 1e-6)) for start in self.starts]
