"""Bundles of small instruments with random weights, made once for each test run."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lmdm_export.bundle import ExportResult, Source, export_bundle
from lmdm_export.manifest_document import file_sha256
from lmdm_export.settings import ExportSettings
from lmdm_train.checkpoint import save_instrument
from lmdm_train.config import InstrumentConfig, SpectralConfig
from lmdm_train.presets import preset
from tests.sharing import made_once
from tests.small_instruments import small_instrument

BLOCKS = 16


def spectral_config() -> InstrumentConfig:
    """The preset `tiny` with a small spectral codec, so that codec graphs carry state."""
    codec = SpectralConfig(latent_channels=8, hidden=16, frame_size=256, longest_window=1024, noise_bands=8, lowest_hz=200, highest_hz=4000)
    return preset("tiny").model_copy(update={"name": "tiny-spectral", "codec": codec})


def plain_config() -> InstrumentConfig:
    """Block-causal as the few-step models are sampled: ping-pong without guidance, and text embeddings that the caller supplies."""
    document = preset("tiny-bc").model_dump() | {"name": "tiny-plain"}
    document["pattern"]["window_chunks"] = 3
    document["text"]["kind"] = "none"
    document["sampling"] |= {"solver": "ping-pong", "guidance": "none", "guidance_scale": 1.0}
    return InstrumentConfig.model_validate(document)


def named_config(name: str) -> InstrumentConfig:
    """A preset, or `tiny-spectral` or `tiny-plain`."""
    own = {"tiny-spectral": spectral_config, "tiny-plain": plain_config}
    return own[name]() if name in own else preset(name)


def write_small_bundle(target: Path, config: InstrumentConfig | str = "tiny", *, seed: int = 0, rollout_blocks: int = 64) -> ExportResult:
    """The bundle of a small instrument whose every parameter is random."""
    chosen = named_config(config) if isinstance(config, str) else config
    source = Source(f"{chosen.name}.safetensors", hashlib.sha256(f"{chosen.name} {seed}".encode()).hexdigest(), "tests")
    return export_bundle(small_instrument(chosen, seed), target, source, ExportSettings(rollout_blocks=rollout_blocks), force=True)


@dataclass(frozen=True)
class Made:
    """A checkpoint and the bundle that was made from it."""

    checkpoint: Path
    bundle: Path


def small_bundle(factory: pytest.TempPathFactory, config: InstrumentConfig | str, **settings: Any) -> Made:
    """A small instrument whose every parameter is random, written once for all tests of a run: they read it, and change copies.

    Args:
        settings: of the export; a rollout has 16 blocks where they do not say.
    """
    chosen = named_config(config) if isinstance(config, str) else config

    def make(folder: Path) -> None:
        instrument = small_instrument(chosen)
        checkpoint = save_instrument(folder / f"{chosen.name}.safetensors", instrument)
        source = Source(checkpoint.name, file_sha256(checkpoint), "tests")
        export_bundle(instrument, folder / "bundle", source, ExportSettings(**{"rollout_blocks": BLOCKS, **settings}))

    folder = made_once(factory, "-".join([chosen.name, *(f"{name}={value}" for name, value in settings.items())]), make)
    return Made(folder / f"{chosen.name}.safetensors", folder / "bundle")


if __name__ == "__main__":
    import sys

    for name in sys.argv[2:]:
        made = write_small_bundle(Path(sys.argv[1]) / name, name)
        print(made)
