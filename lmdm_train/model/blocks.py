"""One pre-norm transformer layer of the diffusion transformer, and its parts."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lmdm_train.model.attention import CrossAttention, LayerKV, SelfAttention, concat_kv, rotate_kv
from lmdm_train.model.rotary import rotate


class Norm(nn.Module):
    """Layer norm whose shift is a buffer of zeros, as Stable Audio stores it."""

    beta: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(width))
        self.register_buffer("beta", torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, x.shape[-1:], self.gamma, self.beta, eps=1e-5)


class SwiGLU(nn.Module):
    """`value * SiLU(gate)`; the first half of the projection is the value."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.proj = nn.Linear(width, 2 * inner)

    def forward(self, x: Tensor) -> Tensor:
        value, gate = self.proj(x).chunk(2, dim=-1)
        return value * F.silu(gate)


class FeedForward(nn.Module):
    """Gated feed-forward branch, silent at initialisation."""

    def __init__(self, width: int, mult: int) -> None:
        super().__init__()
        out = nn.Linear(width * mult, width)
        nn.init.zeros_(out.weight)
        nn.init.zeros_(out.bias)
        self.ff = nn.Sequential(SwiGLU(width, width * mult), nn.Identity(), out)

    def forward(self, x: Tensor) -> Tensor:
        return self.ff(x)


class TransformerLayer(nn.Module):
    """`x += SA(norm x); x += CA(norm x, condition); x += FF(norm x)`."""

    def __init__(self, width: int, heads: int, ff_mult: int) -> None:
        super().__init__()
        self.pre_norm = Norm(width)
        self.self_attn = SelfAttention(width, heads)
        self.cross_attend_norm = Norm(width)
        self.cross_attn = CrossAttention(width, heads)
        self.ff_norm = Norm(width)
        self.ff = FeedForward(width, ff_mult)

    def forward(
        self,
        x: Tensor,
        angles: Tensor,
        cross: LayerKV,
        *,
        past: LayerKV | None = None,
        allowed: Tensor | None = None,
    ) -> tuple[Tensor, LayerKV]:
        """One layer over the tokens `x` [B, tokens, width].

        `angles` [tokens, rotated] belong to `x`; `past` holds already rotated keys and values that come before those of `x`;
        `allowed` broadcasts to [B, heads, tokens, past + tokens]. Returns the new hidden state and the raw keys and values of `x`.
        """
        q, raw = self.self_attn.project(self.pre_norm(x))
        own = rotate_kv(raw, angles)
        kv = own if past is None else concat_kv([past, own])
        x = x + self.self_attn.attend(rotate(q, angles), kv, allowed)
        x = x + self.cross_attn(self.cross_attend_norm(x), cross)
        return x + self.ff(self.ff_norm(x)), raw
