"""The same weights under other shapes and names: split self-attention projections and torch's newer weight norm."""

from __future__ import annotations

import re

import torch
from torch import Tensor

from lmdm_train.checkpoint.report import ImportReport
from lmdm_train.errors import CheckpointError

ADDITIVE = "dit.to_input_add_embed.weight"
FREQUENCIES = "dit.transformer.rotary_pos_emb.inv_freq"


def fuse_self_attention(tensors: dict[str, Tensor], report: ImportReport) -> None:
    """Join `to_q` and `to_kv` of every self-attention into `to_qkv`, rows in the order q, k, v.

    Raises:
        CheckpointError: one of the pair is missing, or the fused weight is there too.
    """
    stems = sorted({match[1] for key in tensors if (match := re.fullmatch(r"(dit\..*self_attn\.)to_(?:q|kv)\.weight", key))})
    for stem in stems:
        parts = (f"{stem}to_q.weight", f"{stem}to_kv.weight")
        missing = [part for part in parts if part not in tensors]
        if missing:
            raise CheckpointError(f"{report.source} lacks {missing[0]} beside its other half; expected both, or the fused to_qkv")
        if f"{stem}to_qkv.weight" in tensors:
            raise CheckpointError(f"{report.source} has {stem} both split and fused; remove one")
        tensors[f"{stem}to_qkv.weight"] = torch.cat([tensors.pop(part) for part in parts])
        for key, name in report.used.items():
            if name in parts:
                report.used[key] = f"{stem}to_qkv.weight"
    if stems:
        report.note(f"self-attention of {len(stems)} layers was split into to_q and to_kv and is fused again")


def classic_weight_norm(tensors: dict[str, Tensor], report: ImportReport) -> None:
    """Name `parametrizations.weight.original0/1` of torch's newer weight norm `weight_g` and `weight_v`, which they are."""
    renamed = {".parametrizations.weight.original0": ".weight_g", ".parametrizations.weight.original1": ".weight_v"}
    changed = 0
    for key in list(tensors):
        for suffix, classic in renamed.items():
            if key.startswith("codec.") and key.endswith(suffix):
                name = key.removesuffix(suffix) + classic
                tensors[name] = tensors.pop(key)
                report.used.update({source: name for source, ours in report.used.items() if ours == key})
                changed += 1
    if changed:
        report.note(f"{changed} tensors of weight norm were stored by its newer names")


def rotary_base(frequencies: Tensor) -> float | None:
    """The base whose frequencies these are, or None if they follow no base."""
    count = frequencies.numel()
    if count < 2 or frequencies.is_meta:
        return None
    base = float(frequencies[-1].double()) ** (-count / (count - 1))
    if not 1 < base < 1e12:
        return None
    rounded = float(f"{base:.3g}")
    for candidate in (rounded, base):
        ideal = candidate ** (-torch.arange(count, dtype=torch.float64) / count)
        if torch.allclose(frequencies.double(), ideal, rtol=2e-3, atol=1e-7):
            return candidate
    return None
