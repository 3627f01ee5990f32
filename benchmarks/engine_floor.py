"""The floor of a device: operations and bytes over what the device reached in the same run."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from benchmarks.floor import Peak, Work, context_work, step_work
from benchmarks.timing import Subject, in_turn
from lmdm_train.config import InstrumentConfig
from lmdm_train.model.routing import visible_context


def measure_device_peak(device: str, dtype: torch.dtype, size: int = 8192, megabytes: int = 1024, runs: int = 20) -> Peak:
    """Operations a second of a matrix product in `dtype` and bytes a second of a read; the fastest of `runs` counts.

    Float32 is without TF32, as the graphs are. `size` and `megabytes` are far beyond the caches of a large GPU.
    """
    a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    memory = torch.ones(megabytes * 2**20 // dtype.itemsize, device=device, dtype=dtype)
    subjects = {"product": waiting(lambda: a @ b, device), "read": waiting(memory.sum, device)}
    fastest = {name: min(s.wall for s in samples) for name, samples in in_turn(subjects, runs, warm_up=3).items()}
    return Peak(flops=2 * size**3 / fastest["product"], read_bytes=megabytes * 2**20 / fastest["read"])


def waiting(call: Subject, device: str) -> Subject:
    """The call, done when the device is."""

    def run() -> None:
        call()
        if device.startswith("cuda"):
            torch.cuda.synchronize()

    return run


@dataclass(frozen=True)
class BlockWork:
    """The least work of a context pass and of a step, in float32."""

    context: Work
    step: Work

    @classmethod
    def of(cls, config: InstrumentConfig, batch: int) -> BlockWork:
        """What the instrument's pattern and layout ask for, its codec left out."""
        layout, text = config.layout, config.text.tokens + 1
        causal = config.pattern.kind == "block-causal"
        frames = layout.block if causal else layout.context
        keys = config.pattern.window_chunks * layout.block if causal else layout.context
        visible = visible_context(config.pattern, layout)
        return cls(context_work(config.dit, frames, keys, text, batch), step_work(config.dit, layout, visible, text, batch))

    def floor_ms(self, stage: str, peak: Peak, itemsize: int) -> float | None:
        """Milliseconds under which no implementation on this device can be, for `context`, `step` or `block of N steps`; None for a
        stage whose work nobody counted. Each pass reads the weights anew: they are far larger than what a step keeps at hand."""
        if stage == "context":
            passes = [self.context]
        elif stage == "step":
            passes = [self.step]
        elif stage.startswith("block of "):
            passes = [self.context, *[self.step] * int(stage.split()[2])]
        else:
            return None
        return sum(Work(part.operations, part.read_bytes * itemsize / 4).floor_ms(peak)["floor"] for part in passes)
