"""Overlapping windows of audio, framed by whole hops where that can be done."""

from __future__ import annotations

import torch
from torch import Tensor


def windows(audio: Tensor, size: int, hop: int) -> Tensor:
    """The windows of `size` samples that begin `hop` samples apart: [B, size - hop + n * hop] -> [B, n, size].

    Where a window is a whole number of hops, audio is cut into hops and window k is hops k, k + 1, … side by side: a few block copies,
    where `unfold` is exported as a gather of every sample on its own. Both give the same samples.
    """
    if size % hop or audio.shape[-1] % hop:
        return audio.unfold(-1, size, hop)
    hops = audio.reshape(*audio.shape[:-1], -1, hop)
    count, together = hops.shape[-2], size // hop
    return torch.cat([hops[..., first : count - together + 1 + first, :] for first in range(together)], dim=-1)
