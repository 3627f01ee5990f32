"""The gate before any timing: what a peer answers, held against torch in float64, with a fault that must be seen."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmdm_export.validate.bounds import CLOSED_LOOP_FACTOR, SINGLE_RUN_FACTOR, rounding_bound
from lmdm_export.validate.metrics import compare

Arrays = dict[str, NDArray]


@dataclass(frozen=True)
class Check:
    """One stage of one peer. `error` is the largest of all outputs, of the output that is nearest to its `bound`.

    `control`: the same with keys and values of the context swapped, which must exceed the bound.
    """

    peer: str
    stage: str
    output: str
    error: float
    bound: float | None
    reason: str
    control: float | None = None

    @property
    def passed(self) -> bool:
        """Within the bound, and the control is not."""
        if self.bound is None:
            return True
        return self.error <= self.bound and (self.control is None or self.control > self.bound)

    @property
    def sentence(self) -> str:
        """What is wrong with it."""
        if self.bound is not None and not self.error <= self.bound:
            return f"{self.peer}: {self.output} of {self.stage} is off by {self.error:.3g}, allowed are {self.bound:.3g} ({self.reason})"
        return (
            f"{self.peer}: swapped keys and values of {self.stage} pass, off by {self.control:.3g} of {self.bound:.3g}; "
            "the bound is too wide"
        )

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"passed": self.passed}


def check_exact(peer: str, stage: str, expected: Arrays, found: Arrays, rounding: dict[str, float], swap: Arrays | None) -> Check:
    """A float32 program: within a few times what torch itself loses by computing in float32."""
    factor = CLOSED_LOOP_FACTOR if stage == "block" else SINGLE_RUN_FACTOR
    worst: tuple[float, str, float, float, str] | None = None
    for name, wanted in expected.items():
        errors = compare(wanted, found[name])
        bound = rounding_bound(rounding[name], errors.peak, factor)
        ratio = errors.max_abs / max(bound.value, 1e-30)
        if worst is None or ratio > worst[0]:
            worst = (ratio, name, errors.max_abs, bound.value, bound.reason)
    assert worst is not None
    _, name, error, limit, reason = worst
    control = None if swap is None else compare(expected[name], swap[name]).max_abs
    return Check(peer, stage, name, error, limit, reason, control)


def check_variant(peer: str, stage: str, expected: Arrays, found: Arrays, budget: float, other_seed: NDArray) -> Check:
    """Another precision: its blocks may be off by the bundle's budget, a share of what another seed changes; a single stage has none."""
    if stage != "block":
        name, error = max(((n, compare(w, found[n]).max_rel) for n, w in expected.items()), key=lambda pair: pair[1])
        return Check(peer, stage, name, error, None, "share of the output's range; the budget is of whole blocks")
    share = _distance(expected["blocks"], found["blocks"]) / _distance(expected["blocks"], other_seed)
    return Check(peer, stage, "blocks", share, budget, "the budget of its precision, a share of another seed's distance")


def _distance(a: NDArray, b: NDArray) -> float:
    """rms; infinite where a value is not finite."""
    found = float(np.sqrt(np.mean((np.asarray(a, np.float64) - b) ** 2)))
    return found if np.isfinite(found) else float("inf")
