"""What every stage trains on: crops of latent frames with all that is known of them."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Protocol

from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """B crops of L latent frames.

    Attributes:
        frames: [B, C, L].
        prompts: one for each crop.
        seconds: [B], what the seconds conditioner is told.
        features: raw sketch features by control kind, [B, features, L]; finished into controls by `lmdm_train.control`.
        accompaniment: frames [B, C, L] of the other stem, or of a sum of several; None where the source has no stems.
        told: for each crop, kinds of controls that training never withholds from it: what was done to a crop on purpose, such as a gain
            curve, is not to happen where nobody asked for it. None: there are none.
        lengths: [B], how many frames of each crop are real; the rest is padding and nothing is learnt from it. None: all.
    """

    frames: Tensor
    prompts: list[str]
    seconds: Tensor
    features: dict[str, Tensor] = field(default_factory=dict)
    accompaniment: Tensor | None = None
    told: list[frozenset[str]] | None = None
    lengths: Tensor | None = None


class Source(Protocol):
    """Where crops come from."""

    def draw(self, rng: random.Random, batch: int, length: int) -> Batch:
        """`batch` random crops of `length` frames; a pure function of `rng`, so that a resumed run sees what an unbroken one sees.

        Raises:
            LmdmTrainError: nothing is long enough.
        """
        ...
