"""Prompts over time: which mix of prompts conditions which block, and what the network is given for it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from lmdm_train.errors import RolloutError
from lmdm_train.model.conditioning import Conditioner

Mix = tuple[tuple[str, float], ...]


class BlockCondition(NamedTuple):
    """Condition of one block: cross tokens [B, T, text_width], global condition [B, global_width], and the dominant prompt."""

    cross_tokens: Tensor
    global_cond: Tensor
    dominant: str = ""


Conditions = Callable[[int], BlockCondition]


@dataclass(frozen=True)
class PromptTimeline:
    """Block index -> prompt, or mix of (prompt, weight). An entry holds until the next one; block 0 must have one.

    Raises:
        RolloutError: no entry for block 0, a negative block, an empty mix, or weights that are negative, not finite or all zero.
    """

    entries: Mapping[int, str | Sequence[tuple[str, float]]]

    def __post_init__(self) -> None:
        if 0 not in self.entries:
            raise RolloutError(f"a prompt timeline starts at block 0, found entries for blocks {sorted(self.entries) or 'none'}")
        for block in self.entries:
            if block < 0:
                raise RolloutError(f"a prompt timeline has an entry for block {block}; blocks count from 0")
            weights = [weight for _, weight in self._entry(block)]
            if not all(math.isfinite(w) and w >= 0 for w in weights) or not sum(weights) > 0:
                raise RolloutError(f"prompt weights of block {block} are {weights}; they must be finite, not negative, and not all zero")

    def at(self, block: int) -> Mix:
        """The mix that conditions a block; its weights sum to 1."""
        mix = self._entry(max(start for start in self.entries if start <= block))
        total = sum(weight for _, weight in mix)
        return tuple((prompt, weight / total) for prompt, weight in mix)

    def dominant(self, block: int) -> str:
        """The prompt with the largest weight, the first of equals."""
        return max(self.at(block), key=lambda entry: entry[1])[0]

    def _entry(self, start: int) -> Mix:
        entry = self.entries[start]
        return ((entry, 1.0),) if isinstance(entry, str) else tuple(entry)


def mix_embeddings(mix: Mix, embed: Callable[[str], Tensor]) -> Tensor:
    """`sum of weight * embedding`, at each token position: [B, T, W]."""
    return torch.stack([weight * embed(prompt) for prompt, weight in mix]).sum(0)


def prompt_conditions(
    timeline: PromptTimeline, conditioner: Conditioner, seconds: float, *, embeddings: Mapping[str, Tensor] | None = None
) -> Conditions:
    """Conditions of every block of a timeline.

    Args:
        seconds: length that the network is told the piece has.
        embeddings: prompt -> [1, T, W] made elsewhere, in place of the conditioner's own text encoder.

    Raises:
        RolloutError: a prompt of the timeline is missing in `embeddings`.
    """

    @cache
    def embed(prompt: str) -> Tensor:
        if embeddings is None:
            return conditioner.encode_prompts([prompt])
        if prompt not in embeddings:
            raise RolloutError(f"no embedding was given for the prompt {prompt!r}, only for {', '.join(map(repr, sorted(embeddings)))}")
        return embeddings[prompt]

    @cache
    @torch.no_grad()
    def tokens(mix: Mix) -> tuple[Tensor, Tensor]:
        embedding = mix_embeddings(mix, embed)
        return conditioner.tokens(embedding, embedding.new_full((embedding.shape[0],), seconds))

    return lambda block: BlockCondition(*tokens(timeline.at(block)), timeline.dominant(block))


def constant_condition(cross_tokens: Tensor, global_cond: Tensor) -> Conditions:
    """One condition for all blocks."""
    condition = BlockCondition(cross_tokens, global_cond)
    return lambda block: condition
