"""Partial rotary position embedding (RoFormer, Su et al. 2021) on the first dimensions of each head."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def inverse_frequencies(width: int, base: float) -> Tensor:
    """`base^(-2i/width)` for the `width/2` rotated pairs, as [width/2]."""
    return base ** (-torch.arange(0, width, 2, dtype=torch.float32) / width)


def rotate(x: Tensor, angles: Tensor) -> Tensor:
    """Rotate the first `angles.shape[-1]` dimensions of every head; the rest pass.

    `x` is [B, heads, tokens, head_width], `angles` [tokens, rotated] in radians. Pairs lie half a rotated width apart.
    """
    width = angles.shape[-1]
    turned, kept = x[..., :width].to(angles.dtype), x[..., width:]
    first, second = turned.chunk(2, dim=-1)
    swapped = torch.cat((-second, first), dim=-1)
    turned = turned * angles.cos() + swapped * angles.sin()
    return torch.cat((turned.to(x.dtype), kept), dim=-1)


class Rotary(nn.Module):
    """Angles of token positions. The frequencies are a saved buffer: a checkpoint's own values always win over the base."""

    inv_freq: Tensor

    def __init__(self, width: int, base: float) -> None:
        super().__init__()
        self.register_buffer("inv_freq", inverse_frequencies(width, base))

    def forward(self, positions: Tensor) -> Tensor:
        """Positions [tokens] -> angles [tokens, width] in radians, in float32 or wider whatever the network's precision."""
        frequencies = self.inv_freq.to(torch.promote_types(self.inv_freq.dtype, torch.float32))
        angles = positions.to(frequencies.dtype)[:, None] * frequencies[None, :]
        return torch.cat((angles, angles), dim=-1)
