"""Plays what has been learnt, as the instrument itself would be played: its own sampling, from nothing, under given controls."""

from __future__ import annotations

import random
from itertools import islice

import torch
from torch import Tensor
from torch.nn import functional as F

from lmdm_train.control.accompaniment import MASK as ACCOMPANIMENT_MASK
from lmdm_train.control.batch import local_controls, window_controls
from lmdm_train.data.batch import Batch
from lmdm_train.flow.draw import takes_context
from lmdm_train.model.instrument import Instrument
from lmdm_train.rollout import Rollout, cached_blocks, outpainting
from lmdm_train.rollout.prompts import BlockCondition, constant_condition

Controls = dict[str, Tensor]


@torch.no_grad()
def demo_frames(instrument: Instrument, batch: Batch, embedding: Tensor) -> Tensor:
    """Frames [B, C, N] for the prompts and controls of crops of N frames; the crops' own frames are not looked at.

    A network without a context input makes one window, the others as many blocks as N holds.

    Args:
        embedding: of the batch's prompts, [B, T, text_width].
    """
    config, layout = instrument.config, instrument.config.layout
    like = next(instrument.dit.parameters())
    items, _, length = batch.frames.shape
    cross_tokens, global_cond = instrument.conditioner.tokens(embedding, embedding.new_full((items,), config.seconds_total))
    controls = _controls(instrument, batch)

    def noise(frames: int) -> Tensor:
        return torch.randn(items, config.dit.latent_channels, frames, device=like.device)

    def rollout(frames: int, before: int) -> Rollout:
        # Silence before the stream is a known accompaniment; a sketch of it nobody has drawn.
        known = {name: F.pad(value, (before, 0), value=float(name == ACCOMPANIMENT_MASK)) for name, value in controls.items()}
        padded = {name: F.pad(value, (0, layout.window)).to(like) for name, value in known.items()}
        return Rollout(
            instrument.dit,
            layout,
            config.pattern,
            config.sampling,
            constant_condition(cross_tokens, global_cond),
            lambda block, draw: noise(frames),
            controls=(lambda block: window_controls(config, padded, block * layout.block, layout)) if padded else None,
        )

    if not takes_context(config):
        return _window(rollout(layout.window, 0), BlockCondition(cross_tokens, global_cond), like)
    whole = rollout(layout.block, layout.context)
    blocks = cached_blocks(whole) if config.pattern.kind != "bidirectional" else outpainting(whole, lambda block, n: noise(layout.context))
    return torch.cat(list(islice(blocks, max(1, length // layout.block))), dim=-1)


def _window(rollout: Rollout, condition: BlockCondition, like: Tensor) -> Tensor:
    additive = None
    if rollout.dit.config.additive:
        additive = rollout.additive(
            0, like.new_zeros(len(condition.cross_tokens), rollout.dit.config.latent_channels, rollout.layout.context)
        )
    cross_tokens, global_cond = rollout.network_condition(condition)
    return rollout.sample(0, "window", lambda x, t, hidden: rollout.dit(x, t, cross_tokens, global_cond, additive=additive, collect=hidden))


def _controls(instrument: Instrument, batch: Batch) -> Controls:
    """Controls over the crops as training makes them, and zeros for groups that no control fills."""
    config = instrument.config
    made = local_controls(config, batch, random.Random(0), train=False) if config.controls else {}
    for group in config.dit.controls:
        made.setdefault(group.name, batch.frames.new_zeros(len(batch.frames), group.channels, batch.frames.shape[-1]))
    return made
