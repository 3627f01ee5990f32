"""A preset with random weights and its bundle, for shapes whose weights are not at hand: time does not depend on what they hold."""

from __future__ import annotations

from pathlib import Path

import torch

from lmdm_export.bundle import Source, configured, export_bundle
from lmdm_export.settings import ExportSettings
from lmdm_train.config import InstrumentConfig, OobleckConfig, TextConfig
from lmdm_train.model.instrument import Instrument
from lmdm_train.presets import preset

SMALL_CODEC = {"audio_channels": 2, "base_channels": 4, "channel_mults": (1, 2), "strides": (2, 4)}


def random_config(name: str, layout: str | None, small_codec: bool) -> InstrumentConfig:
    """The preset without its text encoder; `small_codec` puts a tiny Oobleck in place of its codec, whose time then means nothing."""
    config = preset(name, layout)
    changes: dict[str, object] = {"text": TextConfig(kind="none", tokens=config.text.tokens, width=config.text.width)}
    if small_codec:
        changes["codec"] = OobleckConfig(latent_channels=config.dit.latent_channels, **SMALL_CODEC)  # type: ignore[arg-type]
    return config.model_copy(update=changes)


def random_instrument(config: InstrumentConfig, seed: int = 0) -> Instrument:
    """Random weights everywhere, also where a fresh network has zeros: a branch of zeros would be no fair load."""
    generator = torch.Generator().manual_seed(seed)
    instrument = Instrument(config).requires_grad_(False).eval()
    for parameter in instrument.dit.parameters():
        if not parameter.any():
            parameter.normal_(0.0, 0.02, generator=generator)
    return instrument


def random_bundle(config: InstrumentConfig, folder: Path, on_stage: object = None) -> Path:
    """The bundle of `random_instrument(config)`; one that is there already is used again."""
    target = folder / f"{config.name}-{config.layout.context}-{config.layout.block}-{config.codec.kind}-{config.codec.frame_size}"
    if not (target / "manifest.json").exists():
        settings = ExportSettings(rollout_blocks=8)
        source = Source("random weights", "0" * 64, "benchmarks")
        export_bundle(configured(random_instrument(config), settings), target, source, settings, on_stage=on_stage)  # type: ignore[arg-type]
    return target
