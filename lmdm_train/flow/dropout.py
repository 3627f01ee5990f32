"""What is withheld from some items of a batch: context, the controls' history, text, and whole groups of the additive input.

Chances are drawn from a `random.Random`, so that they are the same on every device.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from lmdm_train.config import AdditiveInput, Layout
from lmdm_train.strict import Strict


class ContextDropout(Strict):
    """Shares of null and of partially null contexts (paper §4.2 and A.2.1).

    A partially null context lacks its oldest n frames. `partial` says how n is drawn: `frames`, any number of frames, as the
    paper has it; or `blocks`, 1 to context/block whole blocks, as released, which in one of context/block cases is all.
    """

    p_uncond: float = Field(default=0.2, ge=0, le=1)
    p_partial: float = Field(default=0.3, ge=0, le=1)
    partial: Literal["frames", "blocks"] = "frames"

    def draw(self, items: int, layout: Layout, rng: random.Random) -> Tensor:
        """How many of the oldest context frames each item lacks, int64 [items]."""
        return torch.tensor([self._one(layout, rng) for _ in range(items)], dtype=torch.int64)

    def _one(self, layout: Layout, rng: random.Random) -> int:
        u = rng.random()
        if u < self.p_uncond:
            return layout.context
        if u >= self.p_uncond + self.p_partial:
            return 0
        if self.partial == "blocks":
            return layout.block * rng.randint(1, max(1, layout.context // layout.block))
        return rng.randrange(1, layout.context) if layout.context > 1 else 1


def chosen(items: int, share: float, rng: random.Random) -> Tensor:
    """Which items are withheld something, bool [items]."""
    return torch.tensor([rng.random() < share for _ in range(items)])


def without_oldest(frames: Tensor, lengths: Tensor) -> Tensor:
    """Frames [B, channels, N] with the first `lengths` [B] of each item zero; what a null context is (its mask stays 1)."""
    kept = torch.arange(frames.shape[-1])[None, :] >= lengths[:, None]
    return frames * kept[:, None, :].to(frames)


def without_history(
    controls: Mapping[str, Tensor], names: Collection[str], lengths: Tensor, share: float, rng: random.Random
) -> dict[str, Tensor]:
    """The named controls lose their history where the context is null, in a `share` of the items.

    When a stream starts nothing has been played: neither frames nor the player's controls of the time before exist.
    """
    gone = torch.where(chosen(len(lengths), share, rng), lengths, 0)
    return {name: without_oldest(value, gone) if name in names else value for name, value in controls.items()}


def without_items(values: Tensor, items: Tensor) -> Tensor:
    """`values` [B, ...] with the items of `items` (bool [B]) zero; for cross tokens this is guidance's null condition."""
    return values * (~items).to(values).reshape(-1, *[1] * (values.ndim - 1))


def without_groups(additive: Tensor, groups: Collection[AdditiveInput], share: float, rng: random.Random) -> Tensor:
    """Additive input [B, channels, N] with each group zero in a `share` of the items, each drawn by itself (as released)."""
    if not share:
        return additive
    parts = torch.split(additive, [group.channels for group in groups], dim=1)
    return torch.cat([without_items(part, chosen(len(part), share, rng)) for part in parts], dim=1)
