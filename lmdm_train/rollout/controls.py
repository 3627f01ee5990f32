"""Local controls on a running timeline, seen through the window of a block."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F

from lmdm_train.config import Layout
from lmdm_train.errors import RolloutError

Controls = Callable[[int], dict[str, Tensor]]


@dataclass(frozen=True)
class ControlTimeline:
    """Control frames [B, channels, N] by name, cut to the window of each block: its context part is the control's history.

    Frame `history` of every control is the first frame of block 0; what lies outside of the given frames is zero.
    """

    frames: Mapping[str, Tensor]
    layout: Layout
    history: int = 0

    def __post_init__(self) -> None:
        lengths = {name: control.shape[-1] for name, control in self.frames.items()}
        if len(set(lengths.values())) > 1:
            raise RolloutError(f"controls share one timeline and must be equally long, found {lengths} frames")

    def __call__(self, block: int) -> dict[str, Tensor]:
        """Controls of the window of one block, [B, channels, window] each."""
        start = self.history + block * self.layout.block - self.layout.context
        return {name: _cut(control, start, self.layout.window) for name, control in self.frames.items()}


def _cut(control: Tensor, start: int, length: int) -> Tensor:
    inside = control[..., max(start, 0) : max(start + length, 0)]
    before = min(max(-start, 0), length)
    return F.pad(inside, (before, length - before - inside.shape[-1]))
