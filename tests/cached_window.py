"""One window through the cached paths, straight from the paper's Algorithms 2 and 3: what must equal the masked full forward."""

from __future__ import annotations

import torch
from torch import Tensor

from lmdm_train.config import Layout, Pattern
from lmdm_train.model.attention import LayerKV, concat_kv
from lmdm_train.model.dit import Conditioning, DiT
from lmdm_train.model.routing import visible_context


def encode_window(
    network: DiT, pattern: Pattern, layout: Layout, conditioning: Conditioning, additive: Tensor, collect: list[Tensor] | None = None
) -> list[LayerKV]:
    """Raw keys and values of the whole context: at once, or chunk by chunk with the chunks before it as past."""
    positions = torch.arange(1, layout.context + 1)
    if pattern.kind != "block-causal":
        return list(network.encode_context(additive, conditioning, positions, collect=collect))
    raw: list[LayerKV] = []
    hidden: list[list[Tensor]] = []
    for start in range(0, layout.context, layout.block):
        chunk = slice(start, start + layout.block)
        first = max(0, start - (pattern.window_chunks - 1) * layout.block)
        past = [LayerKV(kv.k[:, :, first:start], kv.v[:, :, first:start]) for kv in raw] if start > first else None
        seen: list[Tensor] = []
        new = network.encode_context(
            additive[..., chunk],
            conditioning,
            positions[chunk],
            past=past,
            past_positions=positions[first:start] if past else None,
            collect=seen if collect is not None else None,
        )
        hidden.append(seen)
        raw = [concat_kv([old, kv]) for old, kv in zip(raw, new, strict=True)] if raw else list(new)
    if collect is not None:
        collect.extend(torch.cat(parts, dim=1) for parts in zip(*hidden, strict=True))
    return raw


def cached_velocity(
    network: DiT,
    pattern: Pattern,
    layout: Layout,
    x: Tensor,
    t: Tensor,
    text: Tensor,
    seconds: Tensor,
    additive: Tensor,
    *,
    shift: int = 0,
    swap: bool = False,
    collect_context: list[Tensor] | None = None,
    collect_block: list[Tensor] | None = None,
) -> Tensor:
    """Velocity of the block. `shift` moves the cache and `swap` exchanges keys and values: mistakes that a check must catch."""
    conditioning = network.condition(text, seconds)
    raw = encode_window(network, pattern, layout, conditioning, additive[..., : layout.context], collect_context)
    kept = visible_context(pattern, layout)
    positions = torch.arange(1, layout.context + 1)[layout.context - kept :] + shift
    visible = network.rotate([LayerKV(kv.k[:, :, -kept:], kv.v[:, :, -kept:]) for kv in raw], positions)
    if swap:
        visible = tuple(LayerKV(kv.v, kv.k) for kv in visible)
    block = torch.arange(layout.context + 1, layout.window + 1)
    controls = additive[..., layout.context :]
    return network.decode_block(x, t, conditioning, visible, additive=controls, positions=block, collect=collect_block)
