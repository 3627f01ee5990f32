"""Classifier-free guidance (CFG) and CFG++: one network call on the batch [conditioned, null], two velocities for the solver."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from lmdm_train.config import GuidanceKind


class Guided(NamedTuple):
    """What a solver gets from one evaluation, both [B, C, frames].

    `v` denoises. `v_renoise` leads back to the next noise level: the null velocity under CFG++, otherwise `v` itself.
    """

    v: Tensor
    v_renoise: Tensor


def cfg(v_cond: Tensor, v_null: Tensor, scale: float) -> Tensor:
    """`v_null + w (v_cond - v_null)` (paper App. B, below eq. 8)."""
    return v_null + scale * (v_cond - v_null)


@dataclass(frozen=True)
class Guidance:
    """How text strengthens a velocity: `none`, `cfg`, or `cfg++` (renoising with the null velocity; paper eq. 10).

    The batch of every tensor that enters the network is `copies` times the rollout's: conditioned items first, null items second.
    """

    kind: GuidanceKind = "none"
    scale: float = 1.0

    @property
    def copies(self) -> int:
        return 1 if self.kind == "none" else 2

    def tile(self, x: Tensor) -> Tensor:
        """[B, ...] -> [copies * B, ...]."""
        return torch.cat([x] * self.copies)

    def null_text(self, cross_tokens: Tensor) -> Tensor:
        """[B, T, W] -> [copies * B, T, W]: zeros for the null items, seconds token included; nothing else of a condition is nulled."""
        return cross_tokens if self.kind == "none" else torch.cat([cross_tokens, torch.zeros_like(cross_tokens)])

    def combine(self, velocity: Tensor) -> Guided:
        """Network velocity [copies * B, C, frames] -> guided velocities [B, C, frames]."""
        if self.kind == "none":
            return Guided(velocity, velocity)
        v_cond, v_null = velocity.chunk(2)
        v = cfg(v_cond, v_null, self.scale)
        return Guided(v, v_null if self.kind == "cfg++" else v)
