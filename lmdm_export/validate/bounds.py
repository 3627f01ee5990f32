"""Bounds that follow from measured rounding, never from taste, each with its reason in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lmdm_export.validate.metrics import EPSILON

SINGLE_RUN_FACTOR = 16.0
"""Two float32 programs that add in another order each miss float64 by about the same amount, so their distance is about twice the
measured rounding; the rest covers the spread of a maximum over few inputs."""

CLOSED_LOOP_FACTOR = 32.0
"""In a closed loop every block starts from the last block's error, so a difference of a few times at the start stays one of a few times."""

FLOOR_ROUNDINGS = 8.0
"""Roundings of the largest output that are always allowed: a function that happens to round nowhere in torch may round elsewhere."""


@dataclass(frozen=True)
class Bound:
    """The largest error that passes. `reason` says where it comes from in words, `basis` is the measured figure behind it."""

    value: float
    reason: str
    basis: float


def rounding_bound(rounding: float, peak: float, factor: float = SINGLE_RUN_FACTOR) -> Bound:
    """Bound from `rounding` (largest difference of torch in float32 and float64) of an output whose largest value is `peak`."""
    floor = FLOOR_ROUNDINGS * EPSILON * peak
    if factor * rounding >= floor:
        return Bound(factor * rounding, f"{factor:g} x the largest difference of torch in float32 and float64 on these inputs", rounding)
    return Bound(floor, f"{FLOOR_ROUNDINGS:g} x one float32 rounding of the largest value", EPSILON * peak)


def closed_loop_bounds(references: Sequence[np.ndarray], peaks: np.ndarray, factor: float = CLOSED_LOOP_FACTOR) -> np.ndarray:
    """Bound for every block of a rollout, [blocks].

    `references` are error curves of torch against torch in float64 whose only cause is rounding or a perturbation of that size; their
    running maximum is what the loop itself makes of rounding, so it grows and shrinks with the loop and hides no error of another cause.
    """
    envelope = np.maximum.accumulate(np.max(np.stack(references), axis=0))
    return np.maximum(factor * envelope, FLOOR_ROUNDINGS * EPSILON * np.maximum.accumulate(peaks))
