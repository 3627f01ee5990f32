"""A preset with random weights and its bundle, for shapes whose weights are not at hand: time does not depend on what they hold."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from pydantic import ValidationError

from lmdm_export.bundle import Source, configured, export_bundle
from lmdm_export.settings import ExportSettings
from lmdm_train.config import InstrumentConfig, OobleckConfig, TextConfig
from lmdm_train.errors import LmdmTrainError
from lmdm_train.model.instrument import Instrument
from lmdm_train.presets import parse_layout, preset

SMALL_CODEC = {"audio_channels": 2, "base_channels": 4, "channel_mults": (1, 2), "strides": (2, 4)}


FEW_STEPS = {"solver": "ping-pong", "guidance": "none", "guidance_scale": 1.0}


def random_config(
    name: str, layout: str | None, small_codec: bool, width: int | None = None, depth: int | None = None, few_steps: bool = False
) -> InstrumentConfig:
    """The preset without its text encoder.

    Args:
        small_codec: put a tiny Oobleck in place of its codec, whose time then means nothing.
        width, depth: another size of the network, with heads as wide as before.
        few_steps: sample it as few-step models are sampled, without guidance.

    Raises:
        LmdmTrainError: no such preset, or its pattern rules the layout out.
    """
    config = preset(name)
    text = TextConfig(kind="none", tokens=config.text.tokens, width=config.text.width)
    document = config.model_dump() | {"text": text.model_dump()}
    if layout is not None:
        document["layout"] = parse_layout(layout).model_dump()
        document["sampling"]["context_drop"] = min(config.sampling.context_drop, document["layout"]["context"])
    if small_codec:
        document["codec"] = OobleckConfig(latent_channels=config.dit.latent_channels, **SMALL_CODEC).model_dump()  # type: ignore[arg-type]
    if width is not None:
        document["dit"] |= {"width": width, "heads": width // config.dit.head_width}
    if depth is not None:
        document["dit"] |= {"depth": depth}
    if few_steps:
        document["sampling"] |= FEW_STEPS
    try:
        return InstrumentConfig.model_validate(document)
    except ValidationError as error:
        raise LmdmTrainError(f"preset {name} cannot be laid out so: {error.errors()[0]['msg']}") from error


def random_instrument(config: InstrumentConfig, seed: int = 0) -> Instrument:
    """Random weights everywhere, also where a fresh network has zeros: a branch of zeros would be no fair load."""
    # The same numbers in every process: peers are held to the bundle that another one exported.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        instrument = Instrument(config).requires_grad_(False).eval()
        for parameter in instrument.dit.parameters():
            if not parameter.any():
                parameter.normal_(0.0, 0.02)
    return instrument


def random_bundle(config: InstrumentConfig, folder: Path, on_stage: object = None) -> Path:
    """The bundle of `random_instrument(config)`; one that is there already is used again."""
    key = hashlib.sha256(f"{torch.__version__} {config.model_dump_json()}".encode()).hexdigest()[:12]
    target = folder / f"{config.name}-{config.layout.context}-{config.layout.block}-{key}"
    if not (target / "manifest.json").exists():
        settings = ExportSettings(rollout_blocks=8)
        source = Source("random weights", "0" * 64, "benchmarks")
        export_bundle(configured(random_instrument(config), settings), target, source, settings, on_stage=on_stage)  # type: ignore[arg-type]
    return target
