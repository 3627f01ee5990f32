"""Algorithm 3 of the paper: block-causal inference. Only the newest block is encoded; older keys and values stay cached."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import NamedTuple

import torch
from torch import Tensor

from lmdm_train.errors import RolloutError
from lmdm_train.model.attention import LayerKV
from lmdm_train.model.dit import Conditioning
from lmdm_train.model.routing import visible_context
from lmdm_train.rollout.context import slide
from lmdm_train.rollout.setup import Evaluation, Rollout


class BlockCache(NamedTuple):
    """Raw keys and values of the newest `context` frames, one entry for each layer, and how many of these frames were really encoded.

    Keys are kept unrotated, so positions in the window never grow: they are rotated to where their frames lie now.
    """

    raw: tuple[LayerKV, ...]
    frames: int


@torch.no_grad()
def block_causal(rollout: Rollout) -> Iterator[Tensor]:
    """Yields clean blocks [B, C, o] without end; equal to one masked forward over the whole history.

    A frame's control must be the same in every window that holds the frame, since its keys and values are kept.

    A new block is encoded when the next one begins, under the condition of the next one, like the fused first step of the reference.
    When the dominant prompt changes, the whole cache is encoded anew from the clean context under the new prompt; when only weights
    of a mix change, cached self-attention keys and values stay.

    Raises:
        RolloutError: the pattern is not block-causal, or the context is not a multiple of the block.
    """
    if rollout.pattern.kind != "block-causal":
        raise RolloutError(f"Algorithm 3 runs the block-causal pattern, found {rollout.pattern.kind}; use outpainting or encoder_decoder")
    dit, s, o = rollout.dit, rollout.layout.context, rollout.layout.block
    if s % o:
        raise RolloutError(f"block-causal inference needs a context that is a multiple of the block, found layout {rollout.layout}")
    visible = visible_context(rollout.pattern, rollout.layout)
    condition, clean, cache = None, None, None
    for block in count():
        condition, clean, changed = rollout.enter(block, condition, clean)
        c = rollout.conditioning(condition)
        additive = rollout.additive(block, clean)

        if cache is None or changed:
            cache = empty_cache(rollout, len(additive))
            for start in range(0, s, o):
                cache = encode_newest(rollout, block, cache, additive[..., start : start + o], c)
        else:
            cache = encode_newest(rollout, block, cache, additive[..., s - o : s], c)
        kv = dit.rotate(newest(cache.raw, visible), rollout.positions(s - visible + 1, s))

        x0 = rollout.sample(block, "block", rollout.decoder(kv, c, additive))
        yield x0
        clean = slide(clean, x0)


def encode_newest(rollout: Rollout, block: int, cache: BlockCache, additive: Tensor, c: Conditioning) -> BlockCache:
    """Encodes the clean frames [B, additive_channels, o] that follow the cache and slides them in.

    They stand at the last `o` context positions; the `window_chunks - 1` chunks before them stand right before.
    """
    s, o = rollout.layout.context, rollout.layout.block
    past = (rollout.pattern.window_chunks - 1) * o
    hidden = rollout.hidden()
    chunk = rollout.dit.encode_context(
        additive,
        c,
        rollout.positions(s - o + 1, s),
        past=newest(cache.raw, past) if past else None,
        past_positions=rollout.positions(s - o - past + 1, s - o),
        past_valid=torch.tensor(min(cache.frames, past), device=additive.device),
        collect=hidden,
    )
    rollout.observe(Evaluation(block, "context", hidden or []))
    return BlockCache(slide_kv(cache.raw, chunk), min(cache.frames + o, s))


def slide_kv(raw: Sequence[LayerKV], chunk: Sequence[LayerKV]) -> tuple[LayerKV, ...]:
    """`[KV[o:s], kv]` in every layer: the oldest frames leave, the new chunk enters."""
    return tuple(
        LayerKV(torch.cat((old.k, new.k), dim=2)[:, :, new.k.shape[2] :], torch.cat((old.v, new.v), dim=2)[:, :, new.v.shape[2] :])
        for old, new in zip(raw, chunk, strict=True)
    )


def newest(raw: Sequence[LayerKV], frames: int) -> tuple[LayerKV, ...]:
    """The last `frames` frames of every layer."""
    return tuple(LayerKV(kv.k[:, :, kv.k.shape[2] - frames :], kv.v[:, :, kv.v.shape[2] - frames :]) for kv in raw)


def empty_cache(rollout: Rollout, batch: int) -> BlockCache:
    """A cache of `context` zero frames, none of which is ever seen."""
    config = rollout.dit.config
    zeros = next(rollout.dit.parameters()).new_zeros(batch, config.heads, rollout.layout.context, config.head_width)
    return BlockCache(tuple(LayerKV(zeros, zeros) for _ in range(config.depth)), 0)
