"""What a session may choose over what its bundle says: steps and guidance scale."""

from __future__ import annotations

import math

from lmdm_runtime.errors import SessionError
from lmdm_runtime.manifest import SamplingEntry
from lmdm_runtime.solvers import logsnr_schedule, require_schedule

MOST_STEPS = 1000


def chosen_schedule(sampling: SamplingEntry, steps: int | None) -> tuple[float, ...]:
    """The bundle's noise levels, or the log-SNR schedule of so many steps."""
    if steps is None:
        return require_schedule(sampling.schedule)
    if not isinstance(steps, int) or not 1 <= steps <= MOST_STEPS:
        raise SessionError(f"a block takes 1 to {MOST_STEPS} steps, found {steps}")
    return logsnr_schedule(steps, sampling.logsnr_start, sampling.logsnr_end)


def chosen_scale(sampling: SamplingEntry, scale: float | None) -> float:
    """The bundle's guidance scale, or another where there is guidance."""
    if scale is None:
        return sampling.guidance_scale
    if not math.isfinite(scale):
        raise SessionError(f"a guidance scale is a finite number, found {scale}")
    if sampling.guidance == "none" and scale != 1:
        raise SessionError("this bundle was exported without guidance and has no scale to set; export it with guidance cfg")
    return float(scale)
