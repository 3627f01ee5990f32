"""The closed loop as the bundle plays it, with the bound of every block."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmdm_export.validate.bounds import CLOSED_LOOP_FACTOR, Bound, closed_loop_bounds
from lmdm_export.validate.context import Validation
from lmdm_export.validate.controls import disturbance, with_context_drop
from lmdm_export.validate.metrics import compare
from lmdm_export.validate.player import play
from lmdm_export.validate.truth import RolloutTruth
from lmdm_runtime.bundle import Bundle

Curve = NDArray[np.float64]


@dataclass(frozen=True)
class Loop:
    """`bundle` drops what `truth` expects. `played` [blocks, channels, o]; `references` and `bounds` [blocks]."""

    truth: RolloutTruth
    bundle: Bundle
    played: NDArray[np.float32]
    references: dict[str, Curve]
    bounds: Curve

    def bound(self, block: int) -> Bound:
        """The bound of one block with its reason."""
        reason = f"{CLOSED_LOOP_FACTOR:g} x the largest error that rounding alone has led to in this closed loop up to that block"
        return Bound(float(self.bounds[block]), reason, float(self.bounds[block]) / CLOSED_LOOP_FACTOR)


def closed_loop(validation: Validation) -> Loop:
    """Expected and played blocks of the validation's length; made once, as two steps need it.

    Raises:
        Unavailable: there is no truth of that length.
    """
    if validation.loop is None:
        validation.loop = _played(validation)
    return validation.loop


def _played(validation: Validation) -> Loop:
    truth = validation.truth.rollout(validation.blocks, validation.begin)
    bundle = with_context_drop(validation.bundle, truth.context_drop)
    tick = validation.begin("runtime: closed loop", truth.scenario.blocks)
    played = play(bundle, validation.backend, truth.scenario, tick=tick)
    references = dict(truth.references)
    if truth.measure_in_runtime:
        tick = validation.begin("runtime: closed loop, disturbed", truth.scenario.blocks)
        disturbed = play(bundle, validation.backend, truth.scenario, fault=disturbance(), tick=tick)
        references["runtime, disturbed in every step"] = error_curve(played, disturbed)
    bounds = closed_loop_bounds(list(references.values()), np.max(np.abs(truth.expected), axis=(1, 2)))
    return Loop(truth, bundle, played, references, bounds)


def error_curve(expected: NDArray, found: NDArray) -> Curve:
    """Largest error of every block that was found, [blocks]; infinite where a value is not finite."""
    return np.array([compare(wanted, block).max_abs for wanted, block in zip(expected, found, strict=False)])
