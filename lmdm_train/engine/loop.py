"""One optimiser step after another: phases, accumulation, precision, averaging over processes, clipping and the average of weights."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from lightning_fabric import Fabric
from torch import nn

from lmdm_train.engine.average import Average
from lmdm_train.engine.gradients import average_over_processes
from lmdm_train.engine.randomness import step_random
from lmdm_train.engine.schedule import multiplier
from lmdm_train.engine.settings import RunSettings
from lmdm_train.engine.stage import Stage
from lmdm_train.engine.state import Parts, RunState, capture, frozen_digest, restore, running_buffers
from lmdm_train.errors import LmdmTrainError

HALF_PRECISION_PATIENCE = 40  # a loss scale of 2^16 may have to be halved that often before it fits


class NotFiniteError(LmdmTrainError):
    """Too many steps in a row whose loss or gradient is not finite."""


@dataclass(frozen=True)
class StepReport:
    """What one optimiser step did. `step` counts finished steps; the norm is that of the unscaled gradient before clipping."""

    step: int
    phase: str
    rate: float
    norm: float
    losses: dict[str, float]
    stop: bool = False

    @property
    def finite(self) -> bool:
        return math.isfinite(self.norm) and math.isfinite(self.losses["loss"])


@dataclass
class Loop:
    """A stage on its devices, between two steps. `step` and `elapsed` (seconds of training, over all sessions) say where."""

    fabric: Fabric
    stage: Stage
    settings: RunSettings
    step: int = 0
    elapsed: float = 0.0
    bad_in_a_row: int = 0
    parts: Parts = field(init=False)

    def __post_init__(self) -> None:
        modules = {name: self.fabric.to_device(module) for name, module in self.stage.modules().items()}
        self._trained = {name: [p for p in module.parameters() if p.requires_grad] for name, module in modules.items()}
        self._check(modules)
        # What one process has for itself needs no average.
        self._buffers = running_buffers(modules.values()) if self.fabric.world_size > 1 else []
        optimisers = {name: self.stage.optimiser(name) for name in dict.fromkeys(map(self.stage.optimised, self.stage.phases))}
        self._rates = {name: [float(group["lr"]) for group in optimiser.param_groups] for name, optimiser in optimisers.items()}
        averaged = self.stage.averaged
        self.average = Average(modules[averaged], self.settings.ema) if averaged is not None and self.settings.ema else None
        frozen = {name: frozen_digest(module) for name, module in modules.items()}
        self.parts = Parts(modules, optimisers, self.average, self.fabric.strategy.precision, frozen)

    def _check(self, modules: dict[str, nn.Module]) -> None:
        for phase in self.stage.phases:
            name = self.stage.optimised(phase)
            if name not in modules:
                raise LmdmTrainError(f"phase {phase} optimises {name!r}, expected one of {', '.join(modules)}")
            if not self._trained[name]:
                raise LmdmTrainError(f"phase {phase} optimises {name!r}, which has no trainable parameter")

    @property
    def averaged(self) -> nn.Module | None:
        """The averaged module, for demos and the product."""
        return None if self.average is None else self.average.module

    @property
    def finished(self) -> bool:
        return self.done >= 1

    @property
    def done(self) -> float:
        """Share of the run that is over, by steps or by the clock, whichever is further on."""
        steps = self.step / self.settings.steps
        return steps if self.settings.minutes is None else max(steps, self.elapsed / (60 * self.settings.minutes))

    def capture(self) -> RunState:
        return capture(self.parts, {"step": self.step, "elapsed": self.elapsed, "bad_in_a_row": self.bad_in_a_row})

    def restore(self, state: RunState) -> None:
        """Go on from `state`; raises LmdmTrainError where it is not a state of this stage."""
        restore(self.parts, state)
        self.step, self.elapsed = int(state.facts["step"]), float(state.facts["elapsed"])
        self.bad_in_a_row = int(state.facts["bad_in_a_row"])

    def advance(self, stop: Callable[[], bool] = lambda: False) -> StepReport:
        """One optimiser step. The report says whether `stop`, which is asked after the last micro-batch, was true on any process.

        Raises:
            NotFiniteError: too many steps in a row had a loss or a gradient that is not finite.
        """
        began = time.monotonic()
        phase = self.stage.phases[self.step % len(self.stage.phases)]
        name = self.stage.optimised(phase)
        optimiser, parameters = self.parts.optimisers[name], self._trained[name]
        share = multiplier(self.settings.schedule, self.step, self.done)
        for group, rate in zip(optimiser.param_groups, self._rates[name], strict=True):
            group["lr"] = rate * share
        optimiser.zero_grad(set_to_none=True)
        before = [buffer.clone() for buffer in self._buffers]
        with self._only(name):
            totals = self._micro_batches(phase)
        names = sorted(totals)
        numbers = [totals[key] for key in names]
        *means, stops, spent = average_over_processes(
            self.fabric,
            parameters,
            [*numbers, float(stop()), time.monotonic() - began],
            list(zip(self._buffers, before, strict=True)),
        )
        report = self._update(name, phase, dict(zip(names, means, strict=True)), share, stops > 0)
        # What every process adds to its clock is the same, for the schedule may follow it.
        self.elapsed += spent
        return report

    def _micro_batches(self, phase: str) -> dict[str, float]:
        """Gradients of all micro-batches, summed in place; returns the means of what the stage reports."""
        count = self.settings.accumulate
        totals: dict[str, float] = {}
        for micro in range(count):
            random = step_random(self.settings.seed, self.step, micro, self.fabric.global_rank, self.fabric.world_size)
            with self.fabric.autocast():
                losses = self.stage.losses(phase, random)
            # A loss in half precision would overflow as soon as it is scaled.
            self.fabric.backward(losses["loss"].float() / count)
            for key, value in losses.items():
                totals[key] = totals.get(key, 0.0) + float(value.detach()) / count
        return totals

    def _update(self, name: str, phase: str, losses: dict[str, float], share: float, stop: bool) -> StepReport:
        optimiser = self.parts.optimisers[name]
        # Fabric takes the loss scale out of the gradient first, so that the norm is that of the gradient itself.
        norm = self.fabric.clip_gradients(
            self.parts.modules[name], optimiser, max_norm=self.settings.clip or math.inf, error_if_nonfinite=False
        )
        assert norm is not None
        self.step += 1
        report = StepReport(self.step, phase, self._rates[name][0] * share, float(norm), losses, stop)
        half = self.settings.precision == "16-mixed"
        if report.finite or half:
            # Under fp16 the scaler itself leaves out a step whose gradient is not finite, and lowers the scale.
            self.fabric.strategy.optimizer_step(optimiser)
        if report.finite and self.average is not None and name == self.stage.averaged:
            self.average.update()
        self.bad_in_a_row = 0 if report.finite else self.bad_in_a_row + 1
        patience = max(self.settings.patience, HALF_PRECISION_PATIENCE if half and math.isfinite(losses["loss"]) else 0)
        if self.bad_in_a_row >= patience:
            raise NotFiniteError(
                f"{self.bad_in_a_row} steps in a row up to step {self.step} were left out, the last with a loss of {losses['loss']} and a "
                f"gradient of norm {float(norm)}; the weights are those before them: lower the learning rate, use bf16-mixed or 32-true, "
                "or look for broken items with lmdm data encode"
            )
        return report

    @contextmanager
    def _only(self, name: str) -> Iterator[None]:
        """Gradients flow into the parameters of one module alone; through the others they pass."""
        kept = set(map(id, self._trained[name]))
        others = [p for trained in self._trained.values() for p in trained if id(p) not in kept]
        for parameter in others:
            parameter.requires_grad_(False)
        try:
            yield
        finally:
            for parameter in others:
                parameter.requires_grad_(True)
