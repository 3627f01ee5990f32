"""What a training stage must offer to the engine."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn


@dataclass
class StepRandom:
    """Where in the run a micro-batch stands, and the randomness that belongs to it.

    `python` and torch's global generators have been seeded from the run's seed, `step`, `micro` and `rank` before
    `Stage.losses` is called, so nothing of a generator's state outlives a micro-batch. `step` counts optimiser steps from 0,
    over all phases. `shared` is the same on every process: for what all must draw alike.
    """

    step: int
    micro: int
    rank: int
    python: random.Random
    shared: random.Random = field(default_factory=lambda: random.Random(0))


class Stage(ABC):
    """What is learnt and from which loss. The engine owns steps, devices, precision, accumulation, clipping, averaging, files and logs.

    Modules are built and loaded before the engine sees the stage; it moves them to its device and may replace their
    parameters' values, never the modules.
    """

    phases: tuple[str, ...] = ("train",)
    """Optimiser step n runs `phases[n % len(phases)]`."""
    averaged: str | None = None
    """The module that gets an exponential moving average, if the run's settings ask for one."""

    @abstractmethod
    def modules(self) -> dict[str, nn.Module]:
        """Modules by name, whose parameters and buffers are the run's state."""

    @abstractmethod
    def optimised(self, phase: str) -> str:
        """Name of the module whose parameters this phase updates; the others' gradients are not kept."""

    @abstractmethod
    def optimiser(self, name: str) -> torch.optim.Optimizer:
        """A fresh optimiser of a module; the engine scales its learning rates by the run's schedule."""

    @abstractmethod
    def losses(self, phase: str, random: StepRandom) -> dict[str, Tensor]:
        """Scalars of one micro-batch; "loss" is minimised, the others are logged.

        A phase reports the same names on every call. Nothing may depend on earlier calls but modules and optimisers: that is what
        makes a resumed run equal to an unbroken one.
        """

    def demo(self, folder: Path, averaged: nn.Module | None) -> None:  # noqa: B027  (a stage without demos is complete)
        """Write sounds and pictures of what has been learnt into `folder`; `averaged` is None without an average."""

    @abstractmethod
    def save(self, path: Path, averaged: nn.Module | None) -> None:
        """Write the product, an own checkpoint, at `path` (NAME.safetensors); `averaged` is None without an average."""
