"""Local controls (paper §5): one module for each, with its settings and its computation. A new one is added to `LocalControl`, here."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lmdm_train.control.accompaniment import AccompanimentControl
from lmdm_train.control.loudness import LoudnessControl
from lmdm_train.control.pitch import PitchControl

__all__ = ["AccompanimentControl", "LocalControl", "LoudnessControl", "PitchControl"]

LocalControl = Annotated[PitchControl | LoudnessControl | AccompanimentControl, Field(discriminator="kind")]
