"""Controls of a training batch, and their view through the window of a block."""

from __future__ import annotations

import random
from collections.abc import Mapping

import torch
from torch import Tensor

from lmdm_train.config import InstrumentConfig, Layout
from lmdm_train.control import AccompanimentControl
from lmdm_train.control.sketch import MEDIANS, finish, sketch_controls
from lmdm_train.data.batch import Batch
from lmdm_train.errors import LmdmTrainError


def local_controls(config: InstrumentConfig, batch: Batch, rng: random.Random, *, train: bool = True) -> dict[str, Tensor]:
    """Controls over whole crops, [B, channels, L] by group, before any cutoff.

    In training each control is dropped from each item with its own probability, unless the item must be told it, and every item has a
    median of its own.

    Raises:
        LmdmTrainError: the batch lacks what a control is computed from.
    """
    count = len(batch.frames)
    made: dict[str, Tensor] = {}
    missing = [c.kind for c in sketch_controls(config) if c.kind not in batch.features]
    if missing:
        raise LmdmTrainError(
            f"the music has no features for the control {missing[0]}; encode it again with this configuration: lmdm data encode"
        )
    if sketch_controls(config):
        medians = [rng.choice(MEDIANS) if train else 1 for _ in range(count)]
        items = [
            finish(config, {kind: value[i : i + 1] for kind, value in batch.features.items()}, median) for i, median in enumerate(medians)
        ]
        made |= {kind: torch.cat([item[kind] for item in items]) for kind in items[0]}
    for control in config.controls:
        if isinstance(control, AccompanimentControl):
            other = batch.accompaniment
            if other is None:
                raise LmdmTrainError(
                    "the music has no stems, which the control accompaniment needs; encode it with: lmdm data encode --stems"
                )
            made |= control.given(other)
        if train:
            told = [control.kind in kinds for kinds in batch.told or [frozenset[str]()] * count]
            keep = torch.tensor([float(rng.random() >= control.dropout or always) for always in told])[:, None, None]
            made |= {name: made[name] * keep.to(made[name]) for name, _ in control.groups(config.dit.latent_channels)}
    return made


def window_controls(
    config: InstrumentConfig, controls: Mapping[str, Tensor], start: int, layout: Layout, *, cutoff: int | None = None
) -> dict[str, Tensor]:
    """Controls [B, channels, L] cut to the window that begins at frame `start`, with the accompaniment hidden from its cutoff on.

    `cutoff` takes the place of the configured one.
    """
    cut = {name: value[..., start : start + layout.window] for name, value in controls.items()}
    for control in config.controls:
        if isinstance(control, AccompanimentControl):
            names = [name for name, _ in control.groups(config.dit.latent_channels)]
            cut |= control.hide({name: cut[name] for name in names}, cutoff)
    return cut


def draw_cutoff(config: InstrumentConfig, rng: random.Random) -> int | None:
    """A cutoff for a training window, where the configuration names several."""
    for control in config.controls:
        if isinstance(control, AccompanimentControl) and control.train_cutoffs:
            return rng.choice(control.train_cutoffs)
    return None
