"""The settings that every stage's run shares."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lmdm_train.engine.schedule import Cosine, Schedule
from lmdm_train.strict import Strict

HARMLESS = frozenset({"steps", "minutes", "save_every", "demo_every", "devices", "nodes", "accelerator", "tensorboard"})
"""Settings of a run that may differ when it is resumed."""


class RunSettings(Strict):
    """How long, how large, on what and how a stage is trained.

    Attributes:
        steps: optimiser steps, over all phases together: an adversarial run of 1000 steps has 500 of each phase.
        batch: crops in one micro-batch of one process.
        accumulate: micro-batches of one optimiser step; a step sees batch * accumulate * processes crops.
        clip: largest gradient norm, 0 for none. Under fp16 it is the unscaled gradient that is measured and clipped.
        ema: decay of the averaged weights, 0 for none; it warms up as (1 + n) / (10 + n).
        save_every: steps between two saves of the run's state and its product.
        demo_every: steps between two demos, 0 for none.
        minutes: stop after this long, over all sessions of the run; the schedule then follows whichever of steps and clock is
            further on. Such a run cannot be repeated to the bit; one that is limited by steps alone can.
        patience: stop after this many steps in a row whose loss or gradient is not finite; such steps change nothing.
    """

    steps: int = Field(default=1000, gt=0)
    batch: int = Field(default=16, gt=0)
    accumulate: int = Field(default=1, gt=0)
    seed: int = 0
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    accelerator: Literal["auto", "cpu", "cuda"] = "auto"
    devices: int = Field(default=1, gt=0)
    nodes: int = Field(default=1, gt=0)
    clip: float = Field(default=1.0, ge=0)
    ema: float = Field(default=0.0, ge=0, lt=1)
    schedule: Schedule = Cosine()
    save_every: int = Field(default=250, gt=0)
    demo_every: int = Field(default=0, ge=0)
    minutes: float | None = Field(default=None, gt=0)
    patience: int = Field(default=10, gt=0)
    tensorboard: bool = True
