"""Rollouts: Algorithms 1 to 3 of the paper, as the reference that every exported graph and runtime is held against."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from lmdm_train.rollout.block_causal import block_causal
from lmdm_train.rollout.encoder_decoder import encoder_decoder
from lmdm_train.rollout.outpainting import outpainting
from lmdm_train.rollout.setup import Rollout

__all__ = ["Rollout", "block_causal", "cached_blocks", "encoder_decoder", "outpainting"]


def cached_blocks(rollout: Rollout) -> Iterator[Tensor]:
    """Clean blocks [B, C, o] without end, by the cached algorithm of the rollout's pattern."""
    return block_causal(rollout) if rollout.pattern.kind == "block-causal" else encoder_decoder(rollout)
