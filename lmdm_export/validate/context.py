"""What every step works with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lmdm_export.validate.report import STEPS, Report
from lmdm_export.validate.truth import Begin, Truth, silent
from lmdm_runtime.backends.base import Backend
from lmdm_runtime.bundle import Bundle

if TYPE_CHECKING:
    from lmdm_export.validate.loop import Loop


@dataclass(frozen=True)
class Options:
    """How a bundle is validated, as `lmdm_export.validate.run.validate_bundle` says it."""

    steps: Sequence[int] = tuple(STEPS)
    blocks: int | None = None
    threads: int | None = None
    plots: Path | None = None
    begin: Begin = silent


@dataclass
class Validation:
    """A bundle, a truth to hold it against, and the report that the steps write into.

    `backend` runs the bundle and keeps its graphs loaded from step to step. `blocks` is the length of the closed loop, `audio_blocks` how
    many blocks are decoded. `threads` is what `backend` was told. `plots` is a folder for pictures, or None.
    `loop` is kept from one step to the next.
    """

    bundle: Bundle
    truth: Truth
    backend: Backend
    report: Report
    begin: Begin
    blocks: int
    audio_blocks: int = 16
    threads: int | None = None
    plots: Path | None = None
    loop: Loop | None = None
