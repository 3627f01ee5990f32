"""Which instrument is measured: a checkpoint with its bundle, or a preset with random weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lmdm_runtime.bundle import Bundle, load_bundle

if TYPE_CHECKING:
    from lmdm_export.validate.truth_checkpoint import CheckpointTruth
    from lmdm_train.config import InstrumentConfig

WORK = Path("build/benchmarks")


def float32_bundle(folder: Path) -> Bundle:
    """A bundle whose fixtures hold to the rounding of float32.

    Raises:
        BundleError: the folder is no whole bundle.
        click.ClickException: it is a variant in another precision.
    """
    bundle = load_bundle(folder)
    if bundle.manifest.precision is not None:
        raise click.ClickException(
            f"{folder} is in {bundle.manifest.precision.kind}, which the fixtures of float32 do not hold for; run: "
            f"python -m benchmarks --variant {folder}"
        )
    return bundle


@dataclass(frozen=True)
class Source:
    """`checkpoint` with `bundle`, or `preset` with what `random_config` takes. torch is imported only where the instrument is asked for."""

    bundle: Path | None = None
    checkpoint: Path | None = None
    preset: str | None = None
    layout: str | None = None
    small_codec: bool = False
    width: int | None = None
    depth: int | None = None
    few_steps: bool = False
    work: Path = WORK

    def truth(self, bundle: Path) -> CheckpointTruth:
        """The torch instrument under the settings of its bundle.

        Raises:
            ExportError: the checkpoint is not the one that the bundle was made from.
        """
        from lmdm_export.validate.truth_checkpoint import CheckpointTruth, load_checkpoint

        loaded = load_bundle(bundle)
        if self.preset is not None:
            from benchmarks.random_instrument import random_instrument

            return CheckpointTruth(loaded, random_instrument(self._config()))
        assert self.checkpoint is not None
        return CheckpointTruth(loaded, load_checkpoint(loaded, self.checkpoint))

    def exported(self, on_stage: Callable[[str], object]) -> Path:
        """The bundle, which is exported first where a preset has none yet; it is kept in `work`."""
        if self.preset is None:
            assert self.bundle is not None
            return self.bundle
        from benchmarks.random_instrument import random_bundle

        return random_bundle(self._config(), self.work, on_stage)

    def block_ms(self, exported_ms: float) -> float:
        """How long a block lasts: a preset's own codec decides, also where a small one stands in for it."""
        if self.preset is None or not self.small_codec:
            return exported_ms
        config = replace(self, small_codec=False)._config()
        return 1e3 * config.layout.block * config.codec.frame_size / config.codec.sample_rate

    def _config(self) -> InstrumentConfig:
        from benchmarks.random_instrument import random_config

        assert self.preset is not None
        return random_config(self.preset, self.layout, self.small_codec, self.width, self.depth, self.few_steps)
