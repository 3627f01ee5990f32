"""Algorithm 1 of the paper: block-wise outpainting, one masked forward over the whole window at every step, no cache."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import torch
from torch import Tensor

from lmdm_train.errors import RolloutError
from lmdm_train.model.routing import allowed_mask, router_mask
from lmdm_train.rollout.context import slide
from lmdm_train.rollout.prompts import BlockCondition
from lmdm_train.rollout.setup import Network, Noise, Rollout


@torch.no_grad()
def outpainting(rollout: Rollout, context_noise: Noise | None = None) -> Iterator[Tensor]:
    """Yields clean blocks [B, C, o] without end.

    With the encoder-decoder and block-causal patterns, the router and the mask apply (§4.1): each block is what a cached run must give for
    the same window. The bidirectional pattern sees a noisy context, so it needs `context_noise(block, evaluation)` -> [B, C, context], one
    draw for each evaluation of the network, counted from 0 in each block.

    Raises:
        RolloutError: a bidirectional pattern without `context_noise`, or another pattern with the global token first.
    """
    if rollout.pattern.kind == "bidirectional":
        if context_noise is None:
            raise RolloutError("bidirectional outpainting mixes noise into the context at every step; pass context_noise")
    elif rollout.dit.config.global_token != "last":
        raise RolloutError(
            f"the {rollout.pattern.kind} mask has the global token last, this network has it first; set global_token to last"
        )
    condition, clean = None, None
    for block in count():
        condition, clean, _ = rollout.enter(block, condition, clean)
        x0 = rollout.sample(block, "window", masked_forward(rollout, block, condition, clean, context_noise))
        yield x0
        clean = slide(clean, x0)


def masked_forward(rollout: Rollout, block: int, condition: BlockCondition, clean: Tensor, context_noise: Noise | None) -> Network:
    """`v([x, x_concat], c, t)`: every call resets the context frames to the clean latents at its own noise level."""
    layout, routed = rollout.layout, rollout.pattern.kind != "bidirectional"
    allowed = allowed_mask(rollout.pattern, layout).to(clean.device) if routed else None
    router = router_mask(layout).to(clean) if routed else None
    cross_tokens, global_cond = rollout.network_condition(condition)
    additive = rollout.additive(block, clean)
    evaluations = count()

    def network(x: Tensor, t: Tensor, hidden: list[Tensor] | None) -> Tensor:
        noise = torch.zeros_like(clean) if context_noise is None else context_noise(block, next(evaluations)).to(clean)
        level = t[:, None, None]
        noisy_context = (1 - level) * rollout.guidance.tile(clean) + level * rollout.guidance.tile(noise)
        window = torch.cat((noisy_context, x), dim=-1)
        velocity = rollout.dit(window, t, cross_tokens, global_cond, additive=additive, router=router, allowed=allowed, collect=hidden)
        return velocity[..., layout.context :]

    return network
