"""Sizes and tensors that the graphs of the network share."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from lmdm_export.graphs.spec import paired_names
from lmdm_train.config import DiTConfig, InstrumentConfig, Layout
from lmdm_train.model.attention import LayerKV
from lmdm_train.model.routing import additive_input


def cross_inputs(config: InstrumentConfig, batch: int) -> dict[str, Tensor]:
    """Example cross-attention keys and values of every layer, by name."""
    shape = (batch, config.dit.heads, config.text.tokens + 1, config.dit.head_width)
    return {name: torch.zeros(shape) for name in paired_names("cross_k", "cross_v", config.dit.depth)}


def cached_inputs(config: InstrumentConfig, batch: int, first: str = "self_k") -> dict[str, Tensor]:
    """Example self-attention keys and values of the context, by name."""
    shape = (batch, config.dit.heads, config.layout.context, config.dit.head_width)
    return {name: torch.zeros(shape) for name in paired_names(first, "self_v", config.dit.depth)}


def control_inputs(config: DiTConfig, frames: int) -> dict[str, Tensor]:
    """Example local controls, by name."""
    return {f"control_{control.name}": torch.zeros(1, control.channels, frames) for control in config.controls}


def pairs(tensors: Sequence[Tensor]) -> tuple[LayerKV, ...]:
    """`k, v, k, v, ...` -> one entry for each layer."""
    return tuple(LayerKV(k, v) for k, v in zip(tensors[::2], tensors[1::2], strict=True))


def clean_additive(config: DiTConfig, context: Tensor, controls: Sequence[Tensor]) -> Tensor:
    """Additive input of clean frames alone, [1, Ca, n], by the one rule of the window."""
    frames = context.shape[-1]
    named = {c.name: F.pad(control, (0, 1)) for c, control in zip(config.controls, controls, strict=True)}
    return additive_input(config, context, named, Layout(context=frames, block=1))[..., :frames]


def noisy_additive(config: DiTConfig, frames: int, controls: Sequence[Tensor]) -> Tensor | None:
    """Additive input of the block alone, [1, Ca, o]; None where nothing reaches it."""
    if not config.controls:
        return None
    named = {c.name: F.pad(control, (1, 0)) for c, control in zip(config.controls, controls, strict=True)}
    empty = torch.zeros(1, config.latent_channels, 1)
    return additive_input(config, empty, named, Layout(context=1, block=frames))[..., 1:]
