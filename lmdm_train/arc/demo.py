"""Demos of ARC-Forcing: the same prompts and controls played from nothing in one step and more, and the music that they come from."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor

from lmdm_train.data.batch import Batch
from lmdm_train.engine.demo import write_sound
from lmdm_train.flow.demo import demo_frames
from lmdm_train.model.instrument import Instrument


@torch.no_grad()
def write_demo(folder: Path, instrument: Instrument, batch: Batch, embedding: Tensor, steps: Iterable[int]) -> None:
    """For each crop of `batch` what `instrument` plays at each number of steps, and the crop itself, decoded; sounds and spectrograms.

    Args:
        embedding: of the batch's prompts, [B, T, text_width].
    """
    made = {"music": batch.frames.to(embedding)}
    for count in sorted(set(steps)):
        player = copy.copy(instrument)
        sampling = instrument.config.sampling.model_copy(update={"steps": count})
        player.config = instrument.config.model_copy(update={"sampling": sampling})
        made[f"{count} step{'s' * (count > 1)}"] = demo_frames(player, batch, embedding)
    for index, prompt in enumerate(batch.prompts):
        name = "".join(c if c.isalnum() or c == " " else " " for c in prompt)[:60].strip()
        for what, frames in made.items():
            audio = instrument.codec.decode(frames[index : index + 1])[0]
            write_sound(folder / f"{index} {name}, {what}", audio, instrument.config.codec.sample_rate)
