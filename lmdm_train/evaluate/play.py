"""Plays an instrument for measuring: several prompts in one batch, with or without controls, whatever its pattern."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice

import numpy as np
import soxr
import torch
from torch import Tensor

from lmdm_train.codec.base import Codec
from lmdm_train.config import InstrumentConfig
from lmdm_train.evaluate.judge import SAMPLE_RATE
from lmdm_train.model.instrument import Instrument
from lmdm_train.rollout import Rollout, cached_blocks, outpainting
from lmdm_train.rollout.controls import Controls
from lmdm_train.rollout.noise import seeded_noise
from lmdm_train.rollout.prompts import BlockCondition, Conditions, PromptTimeline, prompt_conditions

OnBlock = Callable[[int], None]


def blocks_of(config: InstrumentConfig, seconds: float) -> int:
    """Blocks that last at least `seconds`."""
    return math.ceil(seconds * config.codec.sample_rate / (config.codec.frame_size * config.layout.block))


def with_absent(config: InstrumentConfig, batch: int, controls: Controls | None = None) -> Controls | None:
    """The given controls, and zeros (a control that is absent) for every group of the network that they leave out."""
    groups, window = config.dit.controls, config.layout.window
    if not groups:
        return controls
    zeros = {group.name: torch.zeros(batch, group.channels, window) for group in groups}
    return lambda block: zeros if controls is None else {**zeros, **controls(block)}


def together(conditions: Sequence[Conditions]) -> Conditions:
    """Conditions of several pieces as one batch. Their dominant prompts are one name: where one changes, all of them drop context."""

    def at(block: int) -> BlockCondition:
        items = [condition(block) for condition in conditions]
        tokens, globals_ = torch.cat([item.cross_tokens for item in items]), torch.cat([item.global_cond for item in items])
        return BlockCondition(tokens, globals_, " | ".join(item.dominant for item in items))

    return at


@torch.no_grad()
def play_frames(
    instrument: Instrument,
    prompts: Sequence[str | PromptTimeline],
    blocks: int,
    *,
    seed: int = 0,
    start: Tensor | None = None,
    controls: Controls | None = None,
    on_block: OnBlock = lambda done: None,
) -> Tensor:
    """One rollout of all prompts at once -> latent frames [B, C, blocks * o], on the CPU.

    Args:
        start: clean context [B, C, context] to continue; by default nothing has been heard.
        controls: block index -> controls over the window; groups that are left out are absent.
    """
    config = instrument.config
    timelines = [prompt if isinstance(prompt, PromptTimeline) else PromptTimeline({0: prompt}) for prompt in prompts]
    conditions = together([prompt_conditions(timeline, instrument.conditioner, config.seconds_total) for timeline in timelines])
    shape = (len(prompts), config.dit.latent_channels)
    rollout = Rollout(
        instrument.dit,
        config.layout,
        config.pattern,
        config.sampling,
        conditions,
        seeded_noise((*shape, config.layout.block), seed),
        start=start,
        controls=_on_device(with_absent(config, len(prompts), controls), next(instrument.dit.parameters()).device),
    )
    made = []
    for done, block in enumerate(islice(_blocks(rollout, seeded_noise((*shape, config.layout.context), seed + 1)), blocks), 1):
        made.append(block.cpu())
        on_block(done)
    return torch.cat(made, dim=2)


@torch.no_grad()
def decode(codec: Codec, frames: Tensor) -> Tensor:
    """Frames [B, C, N] -> mono audio [B, samples] at the codec's rate, item by item, since minutes of many would fill memory."""
    device = next(codec.parameters()).device
    return torch.stack([codec.decode(item[None].to(device))[0].mean(dim=0).cpu() for item in frames])


def sound(instrument: Instrument, frames: Tensor) -> Tensor:
    """Frames [B, C, N] -> mono audio [B, samples] at SAMPLE_RATE."""
    return at_judge_rate(decode(instrument.codec, frames), instrument.codec.sample_rate)


def at_judge_rate(audio: Tensor, rate: int) -> Tensor:
    """[B, samples] at `rate` -> at SAMPLE_RATE, which every feature here is defined at."""
    if rate == SAMPLE_RATE:
        return audio
    return torch.from_numpy(np.stack([soxr.resample(item, rate, SAMPLE_RATE) for item in audio.numpy()]))


def _blocks(rollout: Rollout, context_noise: Callable[[int, int], Tensor]) -> Iterator[Tensor]:
    return outpainting(rollout, context_noise) if rollout.pattern.kind == "bidirectional" else cached_blocks(rollout)


def _on_device(controls: Controls | None, device: torch.device) -> Controls | None:
    if controls is None or device.type == "cpu":
        return controls

    def moved(block: int) -> Mapping[str, Tensor]:
        return {name: control.to(device) for name, control in controls(block).items()}

    return lambda block: dict(moved(block))
