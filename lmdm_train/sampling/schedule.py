"""Noise schedules: decreasing noise levels from 1 (pure noise) to 0 (data), one more than there are steps."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lmdm_train.errors import SamplingError


def logsnr_schedule(steps: int, start: float = -6.0, end: float = 2.0) -> Tensor:
    """Levels whose log-SNR `2 log((1-t)/t)` is, up to the factor 2, evenly spaced; the reference's schedule (facts sheet §3).

    Args:
        steps: solver steps, at least 1.
        start, end: `log((1-t)/t)` at the noisy and the clean end.

    Returns:
        float32 [steps + 1]; the first level is exactly 1 and the last exactly 0.

    Raises:
        SamplingError: fewer than one step, or `end` not above `start`.
    """
    if not end > start:
        raise SamplingError(f"the log-SNR schedule runs from {start} to {end}; the end must lie above the start")
    return _anchored(torch.sigmoid(-torch.linspace(start, end, _at_least_one(steps) + 1, dtype=torch.float64)))


def linear_schedule(steps: int) -> Tensor:
    """Evenly spaced levels, float32 [steps + 1], from 1 to 0."""
    return _anchored(torch.linspace(1, 0, _at_least_one(steps) + 1, dtype=torch.float64))


def shift_levels(levels: Tensor, shift: float) -> Tensor:
    """`s t / (1 + (s - 1) t)`: moves levels towards noise for s > 1 and keeps 0 and 1 (Esser et al. 2024, eq. 23)."""
    return shift * levels / (1 + (shift - 1) * levels)


def shift_for_length(
    frames: int, *, min_frames: int = 256, max_frames: int = 4096, min_log_shift: float = 0.5, max_log_shift: float = 1.15
) -> float:
    """The shift with which Stable Audio trains windows of `frames` latent frames (facts sheet §4).

    Its logarithm is linear in the length and clamped to [min_frames, max_frames]: 1.6487 up to 256 frames, 1.798 at 768.
    A matter of training: the reference samples without it.
    """
    position = (min(max(frames, min_frames), max_frames) - min_frames) / (max_frames - min_frames)
    return math.exp(min_log_shift + position * (max_log_shift - min_log_shift))


def _at_least_one(steps: int) -> int:
    if steps < 1:
        raise SamplingError(f"a schedule needs at least 1 step, found {steps}")
    return steps


def _anchored(levels: Tensor) -> Tensor:
    # Computed in float64 and rounded once, so that every machine writes the same schedule into a bundle.
    levels = levels.to(torch.float32)
    levels[0], levels[-1] = 1.0, 0.0
    return levels
