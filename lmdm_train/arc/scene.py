"""The music of one micro-batch and what is known about it, with every chance taken that music and rollout share."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import torch
from torch import Tensor

from lmdm_train.arc.settings import RolloutSettings
from lmdm_train.config import InstrumentConfig, Layout
from lmdm_train.control.accompaniment import MASK as ACCOMPANIMENT_MASK
from lmdm_train.control.batch import draw_cutoff, local_controls, window_controls
from lmdm_train.control.sketch import sketch_controls
from lmdm_train.data.batch import Batch
from lmdm_train.errors import LmdmTrainError
from lmdm_train.flow.dropout import without_history, without_oldest
from lmdm_train.model.instrument import Instrument
from lmdm_train.rollout.prompts import constant_condition
from lmdm_train.rollout.setup import Rollout


@dataclass(frozen=True)
class Scene:
    """B crops of context + blocks.

    Attributes:
        real: music [B, C, L], null frames zero.
        controls: over the whole crop by group, [B, channels, L], before any cutoff: what the discriminator is given.
        windows: for the window of each block, what the generator is given.
        prompts: one for each crop.
        real_frames: bool [B, 1, L], False on padding.
    """

    layout: Layout
    real: Tensor
    controls: dict[str, Tensor]
    windows: list[dict[str, Tensor]]
    prompts: list[str]
    real_frames: Tensor

    @property
    def context(self) -> Tensor:
        """[B, C, context]."""
        return self.real[..., : self.layout.context]

    def with_blocks(self, blocks: Tensor) -> Tensor:
        """The rollout's blocks behind the context, [B, C, L]; padding is what it is in the music, so that it tells nothing."""
        return torch.where(self.real_frames, torch.cat((self.context, blocks), dim=-1), self.real)


def crop_length(layout: Layout, blocks: int) -> int:
    """Frames of a crop for rollouts of so many blocks."""
    return layout.context + blocks * layout.block


def draw_scene(config: InstrumentConfig, batch: Batch, settings: RolloutSettings, rng: Random, like: Tensor) -> Scene:
    """The scene of a batch on the device and in the type of `like`.

    Raises:
        LmdmTrainError: the crops are too short, or lack what a control is computed from.
    """
    layout = config.layout
    length = crop_length(layout, settings.blocks)
    start = batch.frames.shape[-1] - length
    if start < 0:
        raise LmdmTrainError(
            f"rollouts of {settings.blocks} blocks at layout {layout} need crops of {length} frames, found {batch.frames.shape[-1]}"
        )
    frames = batch.frames.to(like)
    controls = {name: value.to(like) for name, value in local_controls(config, batch, rng).items()} if config.controls else {}
    for group in config.dit.controls:  # one that no control fills is absent
        controls.setdefault(group.name, like.new_zeros(len(frames), group.channels, frames.shape[-1]))
    null = settings.context.draw(len(frames), layout, rng)
    known = torch.full((len(frames),), length) if batch.lengths is None else (batch.lengths - start).clamp(0, length)
    frames, controls = frames[..., start:], {name: value[..., start:] for name, value in controls.items()}
    if settings.null == "shift":
        frames = later(frames, null)
        # Silence before the music begins is a known accompaniment, as in a stream: its mask stays.
        controls = {name: value if name == ACCOMPANIMENT_MASK else later(value, null) for name, value in controls.items()}
        known = (known + null).clamp(max=length)
    else:
        frames = without_oldest(frames, null)
        sketches = {name for control in sketch_controls(config) for name, _ in control.groups(config.dit.latent_channels)}
        controls = without_history(controls, sketches, null, settings.history_dropout, rng)
    cutoff = draw_cutoff(config, rng)
    windows = [window_controls(config, controls, n * layout.block, layout, cutoff=cutoff) for n in range(settings.blocks)]
    padding = torch.arange(length)[None, None, :] < known[:, None, None]
    return Scene(layout, frames, controls, windows, batch.prompts, padding.to(like.device))


def later(values: Tensor, frames: Tensor) -> Tensor:
    """Each item [channels, N] begins `frames` [B] later, behind zeros; its end is lost."""
    length = values.shape[-1]
    places = torch.arange(length)[None, :] - frames[:, None]
    index = places.clamp(min=0).to(values.device)[:, None, :].expand(values.shape)
    return values.gather(-1, index) * (places >= 0)[:, None, :].to(values)


def generator_rollout(generator: Instrument, scene: Scene, cross_tokens: Tensor, global_cond: Tensor) -> Rollout:
    """The closed loop that a scene asks the generator for."""
    config = generator.config
    shape = (len(scene.real), config.dit.latent_channels, config.layout.block)

    return Rollout(
        generator.dit,
        config.layout,
        config.pattern,
        config.sampling.model_copy(update={"guidance": "none"}),
        constant_condition(cross_tokens, global_cond),
        lambda block, draw: torch.randn(shape),
        start=scene.context,
        controls=(lambda block: scene.windows[block]) if config.dit.controls else None,
    )
