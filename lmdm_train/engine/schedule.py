"""Learning-rate schedules as pure functions of the step: a multiplier of the rates that a stage's optimiser was made with."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field

from lmdm_train.strict import Strict


class Constant(Strict):
    """Full rate after `warm_up` linearly rising steps."""

    kind: Literal["constant"] = "constant"
    warm_up: int = Field(default=0, ge=0)


class Cosine(Strict):
    """Linear warm-up, then half a cosine from 1 down to `last` (Loshchilov and Hutter 2017, Eq. 5, without restarts)."""

    kind: Literal["cosine"] = "cosine"
    warm_up: int = Field(default=100, ge=0)
    last: float = Field(default=0.02, ge=0, le=1)


class Inverse(Strict):
    """InverseLR of the released configurations: (1 - warm_up^(n+1)) * max(last, (1 + n / inv_gamma)^-power) at step n."""

    kind: Literal["inverse"] = "inverse"
    inv_gamma: float = Field(default=1e6, gt=0)
    power: float = 0.5
    warm_up: float = Field(default=0.995, ge=0, lt=1)
    last: float = Field(default=0.0, ge=0, le=1)


Schedule = Annotated[Constant | Cosine | Inverse, Field(discriminator="kind")]


def multiplier(schedule: Constant | Cosine | Inverse, step: int, done: float) -> float:
    """What the learning rates of step `step` (from 0) are multiplied by; `done` is the share of the run that is over, 0..1."""
    if isinstance(schedule, Inverse):
        return (1 - schedule.warm_up ** (step + 1)) * max(schedule.last, (1 + step / schedule.inv_gamma) ** -schedule.power)
    warm = min(1.0, (step + 1) / schedule.warm_up) if schedule.warm_up else 1.0
    if isinstance(schedule, Constant):
        return warm
    return warm * (schedule.last + (1 - schedule.last) * 0.5 * (1 + math.cos(math.pi * min(1.0, done))))
