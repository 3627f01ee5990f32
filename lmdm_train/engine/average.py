"""Exponential moving average of a module's weights."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class Average:
    """An averaged copy of a module, with a warm-up so that early weights fade at once.

    Only parameters that are trained are copied (`trained`); frozen ones are shared with the module, buffers follow it.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        frozen = {id(p): p for p in module.parameters() if not p.requires_grad}
        self.decay, self.updates = decay, 0
        # Parameters that the copy shares with the module keep their flags; its own are never trained.
        self.module = copy.deepcopy(module, frozen).eval()
        pairs = [(m, t) for m, t in zip(self.module.parameters(), module.parameters(), strict=True) if m is not t]
        self.trained: list[Tensor] = [m for m, _ in pairs]
        self._theirs: list[Tensor] = [t for _, t in pairs]
        for parameter in self.trained:
            parameter.requires_grad_(False)
        self._buffers = list(zip(self.module.buffers(), module.buffers(), strict=True))

    @torch.no_grad()
    def update(self) -> None:
        """Move towards the module's present weights."""
        self.updates += 1
        share = 1 - min(self.decay, (1 + self.updates) / (10 + self.updates))
        torch._foreach_lerp_(self.trained, self._theirs, share)
        for mine, theirs in self._buffers:
            mine.copy_(theirs)
