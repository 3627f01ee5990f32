"""A dry run: a few real steps, nothing written, and what the whole run would take."""

from __future__ import annotations

import resource
import sys
import time
from dataclasses import dataclass

import torch

from lmdm_train.engine.folder import KEPT
from lmdm_train.engine.loop import Loop
from lmdm_train.engine.progress import duration


@dataclass(frozen=True)
class DryRun:
    """Figures of a dry run. Memory is the peak of one process, on the GPU if it trains on one; bytes throughout."""

    device: str
    processes: int
    items_a_step: int
    parameters: dict[str, int]
    trained: dict[str, int]
    losses: dict[str, float]
    seconds_a_step: float
    seconds_to_come: float
    memory: int
    state: int

    def sentences(self, files: dict[str, str]) -> list[str]:
        """For a person; `files` says what will be written where."""
        counts = [
            f"{name} {self.parameters[name] / 1e6:.2f} M parameters, {self.trained[name] / 1e6:.2f} M trained" for name in self.parameters
        ]
        losses = ", ".join(f"{name} {value:.4f}" for name, value in self.losses.items())
        return [
            *counts,
            f"{self.processes} x {self.device}, {self.items_a_step} items a step, first losses: {losses}",
            f"memory peak {self.memory / 2**20:.0f} MiB, {self.seconds_a_step:.3f} s a step, {duration(self.seconds_to_come)} to come",
            f"each state takes {self.state / 2**20:.1f} MiB; {KEPT} are kept and a third is there while it is written",
            *(f"{path}: {what}" for path, what in files.items()),
            "nothing was written",
        ]


def dry_run(loop: Loop) -> DryRun:
    """Takes one step to warm up and one or two of every phase, which are timed."""
    phases, settings = len(loop.stage.phases), loop.settings
    timed = max(2, phases)
    if loop.fabric.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    reports = [loop.advance()]
    began = time.monotonic()
    reports += [loop.advance() for _ in range(timed)]
    seconds = (time.monotonic() - began) / timed
    losses = {report.phase: report.losses["loss"] for report in reversed(reports)}
    to_come = settings.steps * seconds if settings.minutes is None else min(settings.steps * seconds, settings.minutes * 60)
    modules = loop.parts.modules
    return DryRun(
        device=str(loop.fabric.device),
        processes=loop.fabric.world_size,
        items_a_step=settings.batch * settings.accumulate * loop.fabric.world_size,
        parameters={name: sum(p.numel() for p in module.parameters()) for name, module in modules.items()},
        trained={name: sum(p.numel() for p in module.parameters() if p.requires_grad) for name, module in modules.items()},
        losses=losses,
        seconds_a_step=seconds,
        seconds_to_come=to_come,
        memory=_memory_peak(loop),
        state=sum(value.nbytes for value in loop.capture().tensors.values()),
    )


def _memory_peak(loop: Loop) -> int:
    if loop.fabric.device.type == "cuda":
        return torch.cuda.max_memory_allocated()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
