"""The instrument as it is traced: weight norm folded, and query and key-value projections apart."""

from __future__ import annotations

import copy

from torch import Tensor, nn

from lmdm_train.codec.weight_norm import fold_weight_norm
from lmdm_train.model.attention import LayerKV, SelfAttention, split_heads
from lmdm_train.model.instrument import Instrument


class SplitSelfAttention(SelfAttention):
    """Self-attention whose fused projection is stored as two matrices.

    The last layer of a context encoder needs keys and values only. With one fused matrix it would keep a cut copy of it, which no other
    graph could share.
    """

    def __init__(self, source: SelfAttention) -> None:
        nn.Module.__init__(self)
        self.heads = source.heads
        width = source.to_qkv.weight.shape[1]
        self.to_q = _linear(source.to_qkv.weight[:width])
        self.to_kv = _linear(source.to_qkv.weight[width:])
        self.to_out, self.q_norm, self.k_norm = source.to_out, source.q_norm, source.k_norm

    def project(self, x: Tensor) -> tuple[Tensor, LayerKV]:
        return self.q_norm(split_heads(self.to_q(x), self.heads)), self.key_value(x)

    def key_value(self, x: Tensor) -> LayerKV:
        k, v = self.to_kv(x).chunk(2, dim=-1)
        return LayerKV(self.k_norm(split_heads(k, self.heads)), split_heads(v, self.heads))


def _linear(weight: Tensor) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False, device=weight.device, dtype=weight.dtype)
    layer.weight = nn.Parameter(weight.detach().clone(), requires_grad=False)
    return layer


def prepared(instrument: Instrument) -> Instrument:
    """A copy of the instrument for tracing; equal outputs up to the rounding of a folded weight norm."""
    traced = copy.deepcopy(instrument).eval().requires_grad_(False)
    fold_weight_norm(traced.codec)
    traced.requires_grad_(False)
    for layer in traced.dit.layers:
        layer.self_attn = SplitSelfAttention(layer.self_attn)
    return traced
