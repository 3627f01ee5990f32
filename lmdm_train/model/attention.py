"""Self- and cross-attention with normalised queries and keys, and the keys and values that a cache holds."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lmdm_train.model.rotary import rotate


class LayerKV(NamedTuple):
    """Keys and values of one layer, each [B, heads, tokens, head_width].

    Keys are normalised and rotated; where a name says raw they are normalised but not rotated.
    """

    k: Tensor
    v: Tensor


class HeadNorm(nn.LayerNorm):
    """Layer norm of each head's queries or keys."""

    def __init__(self, head_width: int) -> None:
        super().__init__(head_width, eps=1e-6)


def split_heads(x: Tensor, heads: int) -> Tensor:
    """[B, tokens, width] -> [B, heads, tokens, head_width]."""
    batch, tokens, width = x.shape
    return x.reshape(batch, tokens, heads, width // heads).transpose(1, 2)


def merge_heads(x: Tensor) -> Tensor:
    """[B, heads, tokens, head_width] -> [B, tokens, width]."""
    return x.transpose(1, 2).flatten(2)


class SelfAttention(nn.Module):
    """Rotary self-attention. Keys come out raw, so that a cache can place them at other positions later."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_qkv = nn.Linear(width, 3 * width, bias=False)
        self.to_out = nn.Linear(width, width, bias=False)
        self.q_norm = HeadNorm(width // heads)
        self.k_norm = HeadNorm(width // heads)
        nn.init.zeros_(self.to_out.weight)

    def project(self, x: Tensor) -> tuple[Tensor, LayerKV]:
        """Normalised queries and raw keys and values of the tokens `x` [B, tokens, width]; none of them rotated."""
        q, k, v = (split_heads(part, self.heads) for part in self.to_qkv(x).chunk(3, dim=-1))
        return self.q_norm(q), LayerKV(self.k_norm(k), v)

    def key_value(self, x: Tensor) -> LayerKV:
        """Raw keys and values alone."""
        width = x.shape[-1]
        k, v = F.linear(x, self.to_qkv.weight[width:]).chunk(2, dim=-1)
        return LayerKV(self.k_norm(split_heads(k, self.heads)), split_heads(v, self.heads))

    def attend(self, q: Tensor, kv: LayerKV, allowed: Tensor | None) -> Tensor:
        """Attention of rotated queries over rotated keys -> [B, queries, width]. `allowed` is True where a query may look."""
        return self.to_out(merge_heads(F.scaled_dot_product_attention(q, kv.k, kv.v, attn_mask=allowed)))


class CrossAttention(nn.Module):
    """Attention to the text and seconds tokens: no rotary, no mask (padded tokens are zero vectors that are attended to)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_kv = nn.Linear(width, 2 * width, bias=False)
        self.to_out = nn.Linear(width, width, bias=False)
        self.q_norm = HeadNorm(width // heads)
        self.k_norm = HeadNorm(width // heads)
        nn.init.zeros_(self.to_out.weight)

    def key_value(self, cond: Tensor) -> LayerKV:
        """Keys and values of the embedded condition [B, text_tokens + 1, width]; the same for every step and block."""
        k, v = self.to_kv(cond).chunk(2, dim=-1)
        return LayerKV(self.k_norm(split_heads(k, self.heads)), split_heads(v, self.heads))

    def forward(self, x: Tensor, kv: LayerKV) -> Tensor:
        q = self.q_norm(split_heads(self.to_q(x), self.heads))
        return self.to_out(merge_heads(F.scaled_dot_product_attention(q, kv.k, kv.v)))


def concat_kv(parts: list[LayerKV]) -> LayerKV:
    """Join along the token axis."""
    return LayerKV(torch.cat([p.k for p in parts], dim=2), torch.cat([p.v for p in parts], dim=2))


def rotate_kv(raw: LayerKV, angles: Tensor) -> LayerKV:
    """Raw keys -> rotated keys; values are untouched."""
    return LayerKV(rotate(raw.k, angles), raw.v)
