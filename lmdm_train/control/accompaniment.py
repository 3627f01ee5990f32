"""Accompaniment: another stream of music, known up to a cutoff (paper §5 and A.2.2; facts sheet §5)."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from lmdm_train.control.base import Control

MASK, FRAMES = "accomp_mask", "accomp_input"


class AccompanimentControl(Control):
    """Frames of the other stem, or of a sum of several, on context and block alike.

    `cutoff` counts the frames from the window's start that may be seen; the paper's t_f is `cutoff - context`. `train_cutoffs`
    are drawn from in training where one network shall serve several of them; empty means `cutoff` alone.
    """

    kind: Literal["accompaniment"] = "accompaniment"
    cutoff: int = Field(gt=0)
    train_cutoffs: tuple[int, ...] = ()

    def groups(self, latent_channels: int) -> tuple[tuple[str, int], ...]:
        return ((MASK, 1), (FRAMES, latent_channels))

    @staticmethod
    def given(other: Tensor) -> dict[str, Tensor]:
        """The groups of an accompaniment's frames [B, latent_channels, L], all of them known."""
        return {MASK: other.new_ones(len(other), 1, other.shape[-1]), FRAMES: other}

    def hide(self, groups: dict[str, Tensor], cutoff: int | None = None) -> dict[str, Tensor]:
        """The groups of one window [B, channels, window] with everything from the cutoff on set to zero, the mask too."""
        length = groups[MASK].shape[-1]
        seen = (torch.arange(length) < (self.cutoff if cutoff is None else cutoff)).to(groups[MASK])
        return {name: value * seen for name, value in groups.items()}
