"""Algorithm 2 of the paper: encoder-decoder inference. The clean context is encoded once a block and serves every step."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import torch
from torch import Tensor

from lmdm_train.errors import RolloutError
from lmdm_train.rollout.context import slide
from lmdm_train.rollout.setup import Evaluation, Rollout


@torch.no_grad()
def encoder_decoder(rollout: Rollout) -> Iterator[Tensor]:
    """Yields clean blocks [B, C, o] without end; equal to Algorithm 1 under the encoder-decoder mask.

    Raises:
        RolloutError: the pattern is not encoder-decoder.
    """
    if rollout.pattern.kind != "encoder-decoder":
        raise RolloutError(f"Algorithm 2 runs the encoder-decoder pattern, found {rollout.pattern.kind}; use outpainting or block_causal")
    dit, s = rollout.dit, rollout.layout.context
    positions = rollout.positions(1, s)
    condition, clean = None, None
    for block in count():
        condition, clean, _ = rollout.enter(block, condition, clean)
        c = rollout.conditioning(condition)
        additive = rollout.additive(block, clean)

        hidden = rollout.hidden()
        kv = dit.rotate(dit.encode_context(additive[..., :s], c, positions, collect=hidden), positions)
        rollout.observe(Evaluation(block, "context", hidden or []))

        x0 = rollout.sample(block, "block", rollout.decoder(kv, c, additive))
        yield x0
        clean = slide(clean, x0)
