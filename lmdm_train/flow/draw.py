"""One micro-batch with every chance taken: what is noised, how much, and what the network is told. Both paths compute from it."""

from __future__ import annotations

import random
from dataclasses import dataclass

import torch
from torch import Tensor

from lmdm_train.config import InstrumentConfig
from lmdm_train.control.batch import draw_cutoff, local_controls, window_controls
from lmdm_train.control.sketch import sketch_controls
from lmdm_train.data.batch import Batch
from lmdm_train.errors import ModelError
from lmdm_train.flow.dropout import chosen, without_groups, without_history, without_items, without_oldest
from lmdm_train.flow.noise_levels import draw_levels
from lmdm_train.flow.settings import FlowSettings
from lmdm_train.model.instrument import Instrument
from lmdm_train.model.routing import additive_input


@dataclass(frozen=True)
class Draw:
    """B windows, and N noise draws of them, `targets` for each window in turn.

    Attributes:
        first: index of the first target frame; the loss is on the frames from there on (paper §4.1.1, footnote 3).
        frames: data [B, C, window]; context frames are as the network shall know them, nulled or lightly noised.
        noise: [N, C, n] for the last n frames of the window: the block alone if the pattern routes, else all of it.
        t: noise levels [N].
        cross_tokens, global_cond: [B, T, text_width] and [B, global_width].
        additive: [B, additive_channels, window], or None if the network has no additive input.
        lengths: [B], real frames of the window, or None.
    """

    first: int
    frames: Tensor
    noise: Tensor
    t: Tensor
    cross_tokens: Tensor
    global_cond: Tensor
    additive: Tensor | None
    lengths: Tensor | None

    @property
    def targets(self) -> int:
        return len(self.t) // len(self.frames)

    @property
    def data(self) -> Tensor:
        """The noised frames without noise, [N, C, n]."""
        return self.frames[..., -self.noise.shape[-1] :].repeat_interleave(self.targets, dim=0)

    @property
    def noisy(self) -> Tensor:
        """`x_t = (1 - t) x + t ε`, [N, C, n]."""
        level = self.t[:, None, None]
        return (1 - level) * self.data + level * self.noise

    @property
    def aim(self) -> Tensor:
        """The velocity `ε - x` on the target frames, [N, C, o]."""
        return (self.noise - self.data)[..., self.first - self.frames.shape[-1] :]

    @property
    def weight(self) -> Tensor | None:
        """1 on real target frames and 0 on padding, [N, 1, o]; None if all are real."""
        if self.lengths is None:
            return None
        places = torch.arange(self.first, self.frames.shape[-1], device=self.t.device)
        real = (places[None, :] < self.lengths[:, None].to(self.t.device)).to(self.frames)
        return real[:, None, :].repeat_interleave(self.targets, dim=0)


def takes_context(config: InstrumentConfig) -> bool:
    """Whether the network is given clean frames to continue."""
    return any(group.name == "inpaint_masked_input" for group in config.dit.additive)


def draw(instrument: Instrument, batch: Batch, settings: FlowSettings, rng: random.Random) -> Draw:
    """Take every chance of a micro-batch, on the device of the network. The window is the end of the batch's crops.

    Raises:
        ModelError: the crops are shorter than the window, or a routed pattern has no context input.
    """
    config, layout = instrument.config, instrument.config.layout
    like = next(instrument.dit.parameters())
    start = batch.frames.shape[-1] - layout.window
    if start < 0:
        raise ModelError(f"the crops have {batch.frames.shape[-1]} frames, layout {layout} needs {layout.window}; draw longer ones")
    routed = config.pattern.kind != "bidirectional"
    if routed and not takes_context(config):
        raise ModelError(f"the {config.pattern.kind} pattern continues a clean context, this network has no input inpaint_masked_input")

    frames = batch.frames[..., start:].to(like)
    items, many = len(frames), len(frames) * settings.targets
    null = torch.zeros(items, dtype=torch.int64)
    if takes_context(config):
        null = settings.context.draw(items, layout, rng)
        context = known_context(frames[..., : layout.context], null, settings.context_noise, rng)
        frames = torch.cat((context, frames[..., layout.context :]), dim=-1)
    additive = _additive(config, batch, start, frames, null, settings, rng)

    embedding = instrument.conditioner.encode_prompts(batch.prompts)
    cross_tokens, global_cond = instrument.conditioner.tokens(embedding, batch.seconds.to(like))
    t = draw_levels(settings.noise_levels, many, rng, settings.shift, layout.window).to(like)
    return Draw(
        first=layout.context if takes_context(config) else 0,
        frames=frames,
        noise=torch.randn(many, frames.shape[1], layout.block if routed else layout.window, device=like.device, dtype=like.dtype),
        t=t,
        cross_tokens=without_items(cross_tokens, chosen(items, settings.text_dropout, rng)),
        global_cond=global_cond,
        additive=additive,
        lengths=None if batch.lengths is None else batch.lengths - start,
    )


def known_context(context: Tensor, null: Tensor, noise: float, rng: random.Random) -> Tensor:
    """Clean frames [B, C, s] with the oldest `null` [B] of each item nulled, and noise of up to `noise` on the others."""
    if noise:
        amount = torch.tensor([noise * rng.random() for _ in range(len(context))]).to(context)
        context = context + amount[:, None, None] * torch.randn_like(context)
    return without_oldest(context, null)


def _additive(
    config: InstrumentConfig, batch: Batch, start: int, frames: Tensor, null: Tensor, settings: FlowSettings, rng: random.Random
) -> Tensor | None:
    layout = config.layout
    if not config.dit.additive:
        return None
    controls = local_controls(config, batch, rng) if config.controls else {}
    controls = window_controls(config, controls, start, layout, cutoff=draw_cutoff(config, rng))
    sketches = {name for control in sketch_controls(config) for name, _ in control.groups(config.dit.latent_channels)}
    controls = {name: value.to(frames) for name, value in without_history(controls, sketches, null, settings.history_dropout, rng).items()}
    # A group that no control fills is an absent control: zeros.
    for group in config.dit.controls:
        controls.setdefault(group.name, frames.new_zeros(len(frames), group.channels, layout.window))
    additive = additive_input(config.dit, frames[..., : layout.context], controls, layout)
    return without_groups(additive, config.dit.additive, settings.group_dropout, rng)
