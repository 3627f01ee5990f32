"""How far a seam stands out of the music around it: second differences at the places of seams against those everywhere else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from math import exp, lgamma, log
from typing import Any

import numpy as np
from numpy.typing import NDArray

Audio = NDArray[np.float32]

# A seam may lie between two samples of the host, and the resampler spreads it.
REACH = 24
# Sharpness is measured against the music of this many samples around.
AROUND = 2048
# A level below which there is no music to compare with.
SILENCE = 1e-4
BINS = 400


@dataclass(frozen=True)
class Clicks:
    """Seams against places that are no seams.

    Attributes:
        seams, places: how many were looked at; silent ones are left out.
        median_ratio: median sharpness at seams over that elsewhere; 1 where seams are like any place.
        exceeding: share of seams sharper than 99 % of the other places; 0.01 where seams are like any place.
        largest, largest_elsewhere: sharpness of the sharpest seam, and of the sharpest of as many other places in the median draw.
        odds: chance of as many exceeding seams, or more, if seams were like any place.
        worst_phase, worst_phase_deviations: phase of a block, 0-1, that stands out most, whatever is expected there: the mean over
            blocks of the log of its largest sharpness, and how many standard deviations of the phases that is above their median.
    """

    seams: int
    places: int
    median_ratio: float
    exceeding: float
    largest: float
    largest_elsewhere: float
    odds: float
    worst_phase: float
    worst_phase_deviations: float

    @property
    def heard(self) -> bool:
        """Whether seams stand out: by more than chance gives in a thousand tries."""
        return self.odds < 1e-3 or self.median_ratio > 1.5

    def to_json(self) -> dict[str, Any]:
        return {name: float(f"{value:.4g}") for name, value in asdict(self).items()} | {"heard": self.heard}


def measure(pieces: Iterable[tuple[int, Audio]], first: float, period: float, seed: int = 0) -> Clicks:
    """Looks at seams at samples first, first + period, ... of a recording.

    Args:
        pieces: (number of its first sample, audio [samples]) one after the other; what a piece cuts is left out.

    Raises:
        ValueError: no seam lies in music.
    """
    rng = np.random.default_rng(seed)
    seams, elsewhere, phases = [], [], _Phases(first, period)
    for begin, audio in pieces:
        sharp = sharpness(audio)
        number = np.arange(np.ceil((begin + AROUND - first) / period), (begin + len(audio) - AROUND - first) / period)
        here = first + period * number[number >= 0] - begin
        # The same blocks, at any phase that is no seam.
        margin = 4 * REACH / period
        seams.append(at(sharp, here))
        elsewhere += [at(sharp, here + period * rng.uniform(margin, 1 - margin, len(here))) for _ in range(20)]
        phases.add(begin, sharp)
    at_seams, others = np.concatenate(seams), np.concatenate(elsewhere)
    if len(at_seams) == 0:
        raise ValueError(f"no seam lies in music: first at {first:.0f}, period {period:.1f} samples")
    exceeding = int((at_seams > np.quantile(others, 0.99)).sum())
    phase, deviations = phases.worst()
    return Clicks(
        len(at_seams),
        len(others),
        float(np.median(at_seams) / np.median(others)),
        exceeding / len(at_seams),
        float(at_seams.max()),
        float(np.median([rng.choice(others, len(at_seams)).max() for _ in range(200)])),
        _at_least(exceeding, len(at_seams), 0.01),
        phase,
        deviations,
    )


def sharpness(audio: Audio) -> NDArray[np.float32]:
    """Second difference of every sample over its root mean square in the neighbourhood; NaN in silence. [samples]"""
    second = np.zeros(len(audio), np.float32)
    second[1:-1] = audio[2:] - 2 * audio[1:-1] + audio[:-2]
    power = _moving_mean(second.astype(np.float64) ** 2)
    loud = _moving_mean(audio.astype(np.float64) ** 2) > SILENCE**2
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(loud & (power > 0), np.abs(second) / np.sqrt(power), np.nan).astype(np.float32)


def at(sharp: NDArray[np.float32], places: NDArray[np.floating]) -> NDArray[np.float32]:
    """Largest sharpness within reach of each place that is not silent."""
    middles = np.round(places).astype(np.int64)
    middles = middles[(middles >= REACH) & (middles < len(sharp) - REACH)]
    found = np.stack([sharp[middles + offset] for offset in range(-REACH, REACH + 1)]).max(axis=0)
    return found[np.isfinite(found)]


def broken(begin: int, audio: Audio, first: float, period: float, depth: float) -> Audio:
    """The same piece with a step at every seam, `depth` times as high as the music's level around it: the control."""
    made = audio.copy()
    level = np.sqrt(_moving_mean(audio.astype(np.float64) ** 2))
    fade = np.linspace(1, 0, 512, dtype=np.float32)
    for number in range(max(0, int((begin - first) / period) + 1), int((begin + len(audio) - len(fade) - first) / period) + 1):
        place = round(first + number * period) - begin
        made[place : place + len(fade)] += depth * np.float32(level[place]) * fade
    return made


class _Phases:
    """Largest sharpness at every phase of a block, in the mean of its logs: what repeats with the blocks stands out, wherever it lies."""

    def __init__(self, first: float, period: float) -> None:
        self.first, self.period = first, period
        self.counts, self.sums = np.zeros(BINS), np.zeros(BINS)

    def add(self, begin: int, sharp: NDArray[np.float32]) -> None:
        width = self.period / BINS
        numbers = np.arange(int(np.ceil((begin - self.first) / width)) + 1, int((begin + len(sharp) - self.first) / width))
        edges = np.round(self.first + numbers * width).astype(np.int64) - begin
        largest = np.fmax.reduceat(sharp, edges)
        known = np.isfinite(largest) & (largest > 0)
        self.counts += np.bincount(numbers[known] % BINS, minlength=BINS)
        self.sums += np.bincount(numbers[known] % BINS, np.log(largest[known]), BINS)

    def worst(self) -> tuple[float, float]:
        means = self.sums / np.maximum(self.counts, 1)
        apart = means - np.median(means)
        spread = 1.4826 * float(np.median(np.abs(apart)))
        worst = int(apart.argmax())
        return worst / BINS, float(apart[worst]) / max(spread, 1e-9)


def _moving_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    total = np.concatenate(([0.0], np.cumsum(values)))
    ends = np.clip(np.arange(len(values)) + AROUND // 2, 0, len(values))
    begins = np.clip(np.arange(len(values)) - AROUND // 2, 0, len(values))
    return np.maximum(total[ends] - total[begins], 0) / (ends - begins)


def _at_least(count: int, trials: int, chance: float) -> float:
    """Chance that a binomial variable is `count` or more."""
    terms = [_binomial(k, trials, chance) for k in range(count)]
    return max(0.0, 1.0 - float(np.sum(terms)))


def _binomial(k: int, n: int, p: float) -> float:
    return exp(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + k * log(p) + (n - k) * log(1 - p))
