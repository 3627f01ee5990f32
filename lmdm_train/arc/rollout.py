"""The rollout that ARC-Forcing learns from: closed-loop through the cache, with gradient through every block's last step alone.

What is computed is Algorithm 2 or 3 with the ping-pong solver. Earlier steps and the context's encoding run without gradient, and a
block is detached before it becomes context, so blocks are independent of one another in the backward pass (paper §4.2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from random import Random
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from lmdm_train.arc.settings import RolloutSettings
from lmdm_train.config import SamplingConfig
from lmdm_train.errors import RolloutError
from lmdm_train.model.attention import LayerKV, concat_kv
from lmdm_train.model.dit import Conditioning
from lmdm_train.model.routing import visible_context
from lmdm_train.rollout.block_causal import BlockCache, empty_cache, encode_newest, newest
from lmdm_train.rollout.context import slide
from lmdm_train.rollout.setup import Rollout
from lmdm_train.sampling.guidance import Guided
from lmdm_train.sampling.schedule import logsnr_schedule
from lmdm_train.sampling.solvers import ping_pong_step

KV = tuple[LayerKV, ...]


def draw_counts(settings: RolloutSettings, shared: Random) -> list[int]:
    """k of every block, the same for the whole batch; `shared` makes it the same on every process."""
    return [shared.randint(settings.min_steps, settings.max_steps) for _ in range(settings.blocks)]


def evaluated_levels(count: int, grid: int | None, sampling: SamplingConfig) -> list[float]:
    """The noise levels at which a block of `count` steps asks the network, [count]; the clean estimate at the last one is the block."""
    schedule = logsnr_schedule(count if grid is None else grid, sampling.logsnr_start, sampling.logsnr_end)
    return [float(t) for t in schedule[:count]]


@contextmanager
def without_gradient() -> Iterator[None]:
    """`no_grad` that leaves no trace in autocast: its cache would keep weights that were cast without gradient for later use with one."""
    cached = torch.is_autocast_cache_enabled()
    torch.set_autocast_cache_enabled(False)
    try:
        with torch.no_grad():
            yield
    finally:
        torch.set_autocast_cache_enabled(cached)


def unroll(rollout: Rollout, levels: Sequence[Sequence[float]], *, recompute: bool = False) -> Tensor:
    """The rollout's blocks [B, C, len(levels) * block], one after the other.

    Args:
        rollout: its solver and schedule are not used; its condition must be the same for all blocks.
        levels: of each block, where the network is asked; see `evaluated_levels`.
        recompute: keep nothing of a block for the backward pass but its inputs, and run its last step again there.

    Raises:
        RolloutError: guidance, which a rollout in training has none of, or the bidirectional pattern.
    """
    if rollout.guidance.copies != 1:
        raise RolloutError(f"rollouts in training run without guidance, found {rollout.sampling.guidance}; set guidance to none")
    condition = rollout.conditions(0)
    c = rollout.conditioning(condition)
    context = _encoder(rollout, c)
    clean: Tensor | None = None
    blocks = []
    for block, steps in enumerate(levels):
        _, clean, _ = rollout.enter(block, condition, clean)
        additive = rollout.additive(block, clean)
        x0 = _block(rollout, block, c, additive, context(block, additive), steps, recompute)
        blocks.append(x0)
        clean = slide(clean, x0.detach())
    return torch.cat(blocks, dim=-1)


class Encoded(NamedTuple):
    """Keys and values that a block sees, and how to make them again."""

    kv: KV
    again: Callable[[], KV]


def _block(
    rollout: Rollout, block: int, c: Conditioning, additive: Tensor, context: Encoded, levels: Sequence[float], recompute: bool
) -> Tensor:
    """One block [B, C, o]: ping-pong down to the last level without gradient, then the clean estimate there."""

    def noise(draw: int) -> Tensor:
        return rollout.noise(block, draw).to(additive)

    def velocity(x: Tensor, t: float, kv: KV) -> Tensor:
        return rollout.decoder(kv, c, additive)(x, x.new_full((len(x),), t), None)

    with without_gradient():
        x = noise(0)
        for draw, (t, t_next) in enumerate(pairwise(levels), start=1):
            v = velocity(x, t, context.kv)
            x = ping_pong_step(x, Guided(v, v), t, t_next, noise(draw))

    held, again = [context.kv], context.again

    def last_step(x: Tensor) -> Tensor:
        # The first run has the keys and values at hand; a second one, in the backward pass, encodes them anew.
        kv = held.pop() if held else again()
        return x - levels[-1] * velocity(x, levels[-1], kv).to(x)

    if recompute and torch.is_grad_enabled():
        made = checkpoint(last_step, x, use_reentrant=False, preserve_rng_state=False)
        assert isinstance(made, Tensor)
        return made
    return last_step(x)


def _encoder(rollout: Rollout, c: Conditioning) -> Callable[[int, Tensor], Encoded]:
    """`encode(block, additive)` of the rollout's pattern; called for each block in order."""
    if rollout.pattern.kind == "encoder-decoder":
        return lambda block, additive: _encode_whole(rollout, c, additive)
    if rollout.pattern.kind == "block-causal":
        return _Stream(rollout, c)
    raise RolloutError(f"a rollout through the cache needs a routed pattern, found {rollout.pattern.kind}")


def _encode_whole(rollout: Rollout, c: Conditioning, additive: Tensor) -> Encoded:
    """Algorithm 2: the context is encoded anew for each block."""
    s = rollout.layout.context
    positions = rollout.positions(1, s)

    def encode() -> KV:
        with without_gradient():
            return rollout.dit.rotate(rollout.dit.encode_context(additive[..., :s], c, positions), positions)

    return Encoded(encode(), encode)


class _Stream:
    """Algorithm 3: each block is encoded once. Chunks are kept apart, so that a rollout of B blocks holds B of them and no copies."""

    def __init__(self, rollout: Rollout, c: Conditioning) -> None:
        self.rollout, self.c = rollout, c
        self.cache: BlockCache | None = None
        self.chunks: list[KV] = []

    def __call__(self, block: int, additive: Tensor) -> Encoded:
        s, o = self.rollout.layout.context, self.rollout.layout.block
        fresh = range(0, s, o) if self.cache is None else (s - o,)
        for start in fresh:
            self._encode(block, additive[..., start : start + o])
        assert self.cache is not None
        visible = visible_context(self.rollout.pattern, self.rollout.layout)
        chunks = [newest(self.cache.raw, 0), *self.chunks[len(self.chunks) - visible // o :]]
        positions = self.rollout.positions(s - visible + 1, s)

        def place() -> KV:
            with without_gradient():
                return self.rollout.dit.rotate([concat_kv(list(layer)) for layer in zip(*chunks, strict=True)], positions)

        return Encoded(place(), place)

    def _encode(self, block: int, additive: Tensor) -> None:
        with without_gradient():
            cache = self.cache or empty_cache(self.rollout, len(additive))
            self.cache = encode_newest(self.rollout, block, cache, additive, self.c)
            self.chunks.append(tuple(LayerKV(kv.k.clone(), kv.v.clone()) for kv in newest(self.cache.raw, additive.shape[-1])))
