"""How far a variant is from float32, in shares of what another noise seed would change.

A quantised network is not wrong where its samples differ: another seed changes all of them and is as good music. So the error of a block
is given as a share of the distance between two float32 rollouts that differ in their seed: 0 is the same music, 1 is another take of it.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from lmdm_export.precision.reference import Blocks, Reference, Rollouts

QUIETEST = 1e-6
"""Of the loudest channel's level: a channel below it is silent and has no level to compare."""


@dataclass(frozen=True)
class Parity:
    """Shares of another seed's distance.

    forced: each block from the reference's context, rms over all blocks: what the network itself does wrong.
    closed: the variant's own closed loop: what becomes of that when errors feed back.
    worst: the worst single block of `forced`.
    level_db: largest difference of a latent channel's level over the second half of the closed loop; `other_level_db`: of another seed.
    """

    forced: float
    closed: float
    worst: float
    level_db: float
    other_level_db: float

    @property
    def share(self) -> float:
        """The figure that a budget bounds: the larger of both rollouts; infinite where a value is not finite."""
        return max(self.forced, self.closed)

    @property
    def steady(self) -> bool:
        """Whether levels stay within what another take differs by."""
        return self.level_db <= self.other_level_db

    def within(self, budget: float) -> bool:
        return self.share <= budget and self.steady

    def to_json(self) -> dict[str, float | bool]:
        return {**asdict(self), "share": self.share, "steady": self.steady}


def parity_of(reference: Reference, made: Rollouts) -> Parity:
    """The parity of both rollouts of a variant."""
    expected, other = reference.expected, reference.other
    second = slice(len(expected) // 2, None)
    forced = shares(expected, made.forced, other.forced)
    return Parity(
        forced=share(expected, made.forced, other.forced),
        closed=share(expected, made.closed, other.closed),
        worst=float(np.max(forced)),
        level_db=level_drift(expected[second], made.closed[second]),
        other_level_db=level_drift(expected[second], other.closed[second]),
    )


def share(expected: Blocks, made: Blocks, other: Blocks) -> float:
    """Distance of `made` over the distance of `other`, both rms over all blocks. 0 for equal blocks, 1 for `other` itself."""
    return _ratio(_distance(expected, made).mean(), _distance(expected, other).mean())


def shares(expected: Blocks, made: Blocks, other: Blocks) -> NDArray[np.float64]:
    """The same for every block, [blocks], over the mean distance of `other`: a block that noise hardly moves must not divide by nothing."""
    typical = _distance(expected, other).mean()
    return np.array([_ratio(error, typical) for error in _distance(expected, made)])


def level_drift(expected: Blocks, made: Blocks) -> float:
    """Largest difference in dB between the levels of one latent channel, over all blocks given."""
    wanted, found = _levels(expected), _levels(made)
    heard = wanted > QUIETEST * wanted.max()
    if not np.isfinite(found).all() or not heard.any():
        return math.inf if not np.isfinite(found).all() else 0.0
    with np.errstate(divide="ignore"):
        return float(np.max(np.abs(20 * np.log10(found[heard] / wanted[heard]))))


def _levels(blocks: Blocks) -> NDArray[np.float64]:
    """rms of each channel."""
    return np.sqrt(np.mean(np.square(blocks, dtype=np.float64), axis=(0, 2)))


def _distance(expected: Blocks, made: Blocks) -> NDArray[np.float64]:
    """Mean square of each block's difference, [blocks]."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.mean(np.square(made.astype(np.float64) - expected), axis=(1, 2))


def _ratio(error: float, typical: float) -> float:
    """Root of a ratio of mean squares."""
    if not np.isfinite(error):
        return math.inf
    if typical == 0.0:
        return 0.0 if error == 0.0 else math.inf
    return float(np.sqrt(error / typical))
