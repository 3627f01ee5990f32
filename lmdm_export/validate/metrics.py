"""Distances between a reference array and the array under test, and the jump at the seams of streamed audio."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

EPSILON = float(np.finfo(np.float32).eps)


@dataclass(frozen=True)
class Errors:
    """How far a candidate is from its reference.

    `max_abs` is in the units of the output, `max_rel` is `max_abs` over the reference's range (max - min), `cosine` is 1 for the same
    direction, `snr_db` is infinite for equal arrays, `finite` is the share of the candidate's values that are neither NaN nor infinite.
    A candidate with any value that is not finite has an infinite error, so it can never pass.
    """

    max_abs: float
    max_rel: float
    cosine: float
    snr_db: float
    finite: float
    peak: float

    @classmethod
    def worst(cls, errors: Iterable[Errors]) -> Errors:
        """The worst of each figure over several comparisons."""
        every = list(errors)
        return cls(
            max_abs=max(e.max_abs for e in every),
            max_rel=max(e.max_rel for e in every),
            cosine=min(e.cosine for e in every),
            snr_db=min(e.snr_db for e in every),
            finite=min(e.finite for e in every),
            peak=max(e.peak for e in every),
        )


def compare(reference: np.ndarray, candidate: np.ndarray) -> Errors:
    """Errors of `candidate` against `reference` (equal shapes, any float type), computed in float64.

    Raises ValueError when the shapes differ: an error after broadcasting would be a wrong number that looks right.
    """
    if reference.shape != candidate.shape:
        raise ValueError(f"the reference has shape {list(reference.shape)}, the candidate {list(candidate.shape)}")
    expected, found = np.asarray(reference, np.float64), np.asarray(candidate, np.float64)
    peak = float(np.max(np.abs(expected), initial=0.0))
    finite = float(np.mean(np.isfinite(found))) if found.size else 1.0
    if finite < 1.0 or not np.isfinite(peak):
        return Errors(float("inf"), float("inf"), 0.0, float("-inf"), finite, peak)
    difference = found - expected
    max_abs = float(np.max(np.abs(difference), initial=0.0))
    spread = float(np.max(expected) - np.min(expected)) if expected.size else 0.0
    scale = spread if spread > 0.0 else peak
    return Errors(
        max_abs=max_abs,
        max_rel=0.0 if max_abs == 0.0 else max_abs / scale if scale > 0.0 else float("inf"),
        cosine=_cosine(expected, found),
        snr_db=_snr_db(expected, difference),
        finite=finite,
        peak=peak,
    )


def _cosine(expected: np.ndarray, found: np.ndarray) -> float:
    lengths = float(np.linalg.norm(expected) * np.linalg.norm(found))
    if lengths == 0.0:
        return 1.0 if np.array_equal(expected, found) else 0.0
    return float(np.clip(np.sum(expected * found) / lengths, -1.0, 1.0))


def _snr_db(expected: np.ndarray, difference: np.ndarray) -> float:
    signal, noise = float(np.sum(expected**2)), float(np.sum(difference**2))
    if noise == 0.0:
        return float("inf")
    return float("-inf") if signal == 0.0 else float(10.0 * np.log10(signal / noise))


@dataclass(frozen=True)
class Seams:
    """What happens at the block boundaries of streamed audio.

    `jump` is the largest difference of two neighbouring samples across a boundary over the rms of such differences elsewhere (a plain
    waveform has some as well, so compare it with the same figure of the reference). `boundary_error` and `interior_error` are the largest
    absolute errors against the reference within `reach` samples of a boundary and away from it.
    """

    jump: float
    reference_jump: float
    boundary_error: float
    interior_error: float

    @property
    def excess(self) -> float:
        """Boundary error over interior error: about 1 without seams."""
        if not np.isfinite(self.interior_error):
            return float("inf")
        return (self.boundary_error + EPSILON) / (self.interior_error + EPSILON)


def measure_seams(reference: np.ndarray, streamed: np.ndarray, boundaries: Sequence[int], reach: int) -> Seams:
    """Seams of `streamed` [channels, samples] at the sample indices `boundaries`, beside `reference` of the same shape."""
    inside = [b for b in boundaries if 0 < b < streamed.shape[1]]
    if not inside:
        raise ValueError(f"no boundary lies inside {streamed.shape[1]} samples")
    near = np.zeros(streamed.shape[1], bool)
    for boundary in inside:
        near[max(0, boundary - reach) : boundary + reach] = True
    if not np.isfinite(streamed).all():
        return Seams(float("inf"), _jump(reference, inside), float("inf"), float("inf"))
    error = np.max(np.abs(streamed.astype(np.float64) - reference), axis=0)
    return Seams(
        jump=_jump(streamed, inside),
        reference_jump=_jump(reference, inside),
        boundary_error=float(np.max(error[near], initial=0.0)),
        interior_error=float(np.max(error[~near], initial=0.0)),
    )


def _jump(audio: np.ndarray, boundaries: Sequence[int]) -> float:
    steps = np.diff(audio.astype(np.float64), axis=1)
    at = np.zeros(steps.shape[1], bool)
    at[np.asarray(boundaries) - 1] = True
    elsewhere = float(np.sqrt(np.mean(steps[:, ~at] ** 2)))
    largest = float(np.max(np.abs(steps[:, at])))
    return largest / elsewhere if elsewhere > 0.0 else (float("inf") if largest > 0.0 else 0.0)
