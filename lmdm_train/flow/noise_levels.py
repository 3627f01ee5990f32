"""Which noise levels t are trained, 1 being noise: distributions of stable-audio-tools and LMDM, and their shift (facts sheet §4).

Each distribution is a quantile function of evenly spread points, so that a batch, however small, covers it.
"""

from __future__ import annotations

import math
import random
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.quasirandom import SobolEngine

from lmdm_train.strict import Strict

# Keeps log-SNRs finite: 1e-6 of a normal distribution is 4.8 standard deviations out.
EDGE = 1e-6


class Uniform(Strict):
    """Every level alike."""

    kind: Literal["uniform"] = "uniform"

    def quantile(self, u: Tensor) -> Tensor:
        return u


class LogitNormal(Strict):
    """The logistic of a normal: the middle of the path most (Esser et al. 2024)."""

    kind: Literal["logit-normal"] = "logit-normal"
    mean: float = 0.0
    deviation: float = Field(default=1.0, gt=0)

    def quantile(self, u: Tensor) -> Tensor:
        return torch.sigmoid(self.mean + self.deviation * torch.special.ndtri(u))


class TruncatedLogitNormal(Strict):
    """The logistic of a standard normal, cut off below `left` and stretched to (0, 1) again; `flipped`, t is 1 minus that.

    Flipped, noise is certain to be trained: the density at t = 1 is not zero, as it is for the other two normals.
    """

    kind: Literal["truncated-logit-normal"] = "truncated-logit-normal"
    left: float = Field(default=0.075, gt=0, lt=1)
    flipped: bool = True

    def quantile(self, u: Tensor) -> Tensor:
        lowest = torch.special.ndtr(u.new_tensor(self.left).logit())
        inside = torch.sigmoid(torch.special.ndtri(lowest + (1 - lowest) * u))
        stretched = ((inside - self.left) / (1 - self.left)).clamp(0, 1)
        return 1 - stretched if self.flipped else stretched


class LogSnrNormal(Strict):
    """Normal in the log signal-to-noise ratio `log((1 - t) / t)`."""

    kind: Literal["log-snr-normal"] = "log-snr-normal"
    mean: float = -1.2
    deviation: float = Field(default=2.0, gt=0)

    def quantile(self, u: Tensor) -> Tensor:
        return torch.sigmoid(-(self.mean + self.deviation * torch.special.ndtri(u)))


class LogSnrUniform(Strict):
    """Uniform in the log signal-to-noise ratio between two ends, by default those of the sampling schedule."""

    kind: Literal["log-snr-uniform"] = "log-snr-uniform"
    lowest: float = -6.0
    highest: float = 2.0

    def quantile(self, u: Tensor) -> Tensor:
        return torch.sigmoid(-(self.lowest + (self.highest - self.lowest) * u))


NoiseLevels = Annotated[
    Uniform | LogitNormal | TruncatedLogitNormal | LogSnrNormal | LogSnrUniform,
    Field(discriminator="kind"),
]


class Shift(Strict):
    """More noise for longer sequences: `t' = s t / (1 + (s - 1) t)` with `log s` linear in the sequence's length.

    Lengths outside of [`shortest`, `longest`] count as the nearer end.
    """

    base: float = 0.5
    most: float = 1.15
    shortest: int = Field(default=256, gt=0)
    longest: int = Field(default=4096, gt=0)

    def strength(self, length: int) -> float:
        """The paper code's s for a sequence of `length` frames: 1.6487 up to 256 frames, 1.798 at 768."""
        share = (min(max(length, self.shortest), self.longest) - self.shortest) / (self.longest - self.shortest)
        return math.exp(self.base + (self.most - self.base) * share)

    def __call__(self, t: Tensor, length: int) -> Tensor:
        s = self.strength(length)
        return s * t / (1 + (s - 1) * t)


def draw_levels(levels: NoiseLevels, count: int, rng: random.Random, shift: Shift | None = None, length: int = 0) -> Tensor:
    """`count` noise levels, float32 [count]: scrambled Sobol points through the distribution, then the shift for `length` frames.

    Neighbours lie far apart, so draws that share an item's context see unlike levels. A pure function of `rng`.
    """
    points = SobolEngine(1, scramble=True, seed=rng.getrandbits(31)).draw(count, dtype=torch.float64)[:, 0]
    t = levels.quantile(points.clamp(EDGE, 1 - EDGE))
    return (t if shift is None else shift(t, length)).float()
