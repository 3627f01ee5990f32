"""The clock of a training stage: warm-up, then a cosine, over a number of steps or a length of time, whichever ends first."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

from torch.optim import Optimizer

LAST_SHARE = 0.02  # of the learning rate, at the end of the cosine


def scheduled_steps(optimiser: Optimizer, steps: int, learning_rate: float, *, warm_up: int, seconds: float | None = None) -> Iterator[int]:
    """Yields 1, 2, … and sets the learning rate of the step to come; ends after `steps`, or once `seconds` have passed."""
    began = time.monotonic()
    for step in range(steps):
        done = step / steps if seconds is None else max(step / steps, (time.monotonic() - began) / seconds)
        if done >= 1:
            return
        cosine = LAST_SHARE + (1 - LAST_SHARE) * 0.5 * (1 + math.cos(math.pi * done))
        for group in optimiser.param_groups:
            group["lr"] = learning_rate * min(1.0, (step + 1) / warm_up) * cosine
        yield step + 1
