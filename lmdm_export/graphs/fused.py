"""The network with attention and rotary embedding as ONNX Runtime's contrib operators, on the same parameters; for tracing only."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from lmdm_export.graphs.prepare import SplitSelfAttention
from lmdm_train.model.attention import CrossAttention, LayerKV, concat_kv
from lmdm_train.model.blocks import TransformerLayer
from lmdm_train.model.dit import DiT
from lmdm_train.model.instrument import Instrument

M = TypeVar("M", bound=nn.Module)

# Far below any score and far from the end of float32: a row of -inf alone would become NaN in a kernel that works in tiles.
HIDDEN = -1e30


def fused(traced: Instrument) -> Instrument:
    """A view of a `prepared` instrument whose network emits `com.microsoft` operators; the parameters are those of `traced`."""
    view = _view(traced)
    view.dit = FusedDiT(traced.dit)
    return view


class FusedDiT(DiT):
    """The network on layers that fuse, with its keys rotated by the contrib operator."""

    def __init__(self, source: DiT) -> None:
        nn.Module.__init__(self)
        self.__dict__.update(_view(source).__dict__)
        self.transformer = _view(source.transformer)
        self.transformer.layers = nn.ModuleList(FusedLayer(layer) for layer in source.layers)

    def rotate(self, raw: Sequence[LayerKV], positions: Tensor) -> tuple[LayerKV, ...]:
        angles = self.transformer.rotary_pos_emb(positions)
        return tuple(LayerKV(rotary(kv.k, angles, self.config.heads), kv.v) for kv in raw)


class FusedLayer(TransformerLayer):
    """One layer of a `prepared` network. Queries stay [B, tokens, width] from their projection to attention, as the operators want them."""

    self_attn: SplitSelfAttention

    def __init__(self, source: TransformerLayer) -> None:
        nn.Module.__init__(self)
        self.__dict__.update(_view(source).__dict__)
        self.cross_attn = FusedCrossAttention(source.cross_attn)

    def forward(
        self, x: Tensor, angles: Tensor, cross: LayerKV, *, past: LayerKV | None = None, allowed: Tensor | None = None
    ) -> tuple[Tensor, LayerKV]:
        attn, heads = self.self_attn, self.self_attn.heads
        normed = self.pre_norm(x)
        q = rotary(by_head(attn.to_q(normed), attn.q_norm, heads), angles, heads)
        raw = attn.key_value(normed)
        own = LayerKV(rotary(raw.k, angles, heads), raw.v)
        # Joined here: given as `past_key` without outputs for what it joins, ONNX Runtime 1.32 answers nonsense and says nothing.
        kv = own if past is None else concat_kv([past, own])
        x = x + attn.to_out(attention(q, kv, heads, allowed))
        x = x + self.cross_attn(self.cross_attend_norm(x), cross)
        return x + self.ff(self.ff_norm(x)), raw


class FusedCrossAttention(CrossAttention):
    """Attention to the text and seconds tokens as one operator."""

    def __init__(self, source: CrossAttention) -> None:
        nn.Module.__init__(self)
        self.__dict__.update(_view(source).__dict__)

    def forward(self, x: Tensor, kv: LayerKV) -> Tensor:
        return self.to_out(attention(by_head(self.to_q(x), self.q_norm, self.heads), kv, self.heads))


def by_head(x: Tensor, norm: nn.Module, heads: int) -> Tensor:
    """A norm over each head of `x` [B, tokens, width], which keeps its shape."""
    return norm(x.reshape(*x.shape[:2], heads, -1)).flatten(2)


def rotary(x: Tensor, angles: Tensor, heads: int) -> Tensor:
    """`lmdm_train.model.rotary.rotate` as one operator, on `x` [B, tokens, width] or [B, heads, tokens, head_width]."""
    half = angles[:, : angles.shape[-1] // 2]
    return torch.onnx.ops.symbolic(
        "com.microsoft::RotaryEmbedding",
        # The caches hold the tokens of `x` alone, so positions count from 0.
        (x, torch.zeros(1, dtype=torch.int64), half.cos(), half.sin()),
        {"num_heads": heads, "rotary_embedding_dim": angles.shape[-1], "interleaved": 0},
        dtype=x.dtype,
        shape=x.shape,
        version=1,
    )


def attention(q: Tensor, kv: LayerKV, heads: int, allowed: Tensor | None = None) -> Tensor:
    """Attention of `q` [B, tokens, width] over `kv` as one operator -> [B, tokens, width]; `allowed` as in `TransformerLayer`."""
    inputs: tuple[Tensor | None, ...] = (q, kv.k, kv.v)
    if allowed is not None:
        bias = torch.where(allowed, 0.0, HIDDEN).to(q.dtype)
        inputs += (None, None, bias.expand(1, 1, q.shape[1], kv.k.shape[2]))
    return torch.onnx.ops.symbolic(
        "com.microsoft::MultiHeadAttention", inputs, {"num_heads": heads}, dtype=q.dtype, shape=q.shape, version=1
    )


def _view(module: M) -> M:
    """A shallow copy: the same parameters and children, which may be replaced without touching those of `module`."""
    made = copy.copy(module)
    made.__dict__.update({name: dict(value) for name, value in module.__dict__.items() if name in ("_parameters", "_buffers", "_modules")})
    return made
