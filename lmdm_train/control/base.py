"""What every local control offers, and the two families: sketches of the target itself, and another stream of music."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal, NamedTuple

from pydantic import Field
from torch import Tensor, nn

from lmdm_train.strict import Strict

SILENCE_DB = -100.0


class Axis(NamedTuple):
    """Rising values of a sketch's channels. Between decibels a value is shared by its two neighbours; of hertz the nearest one has it."""

    unit: Literal["dB", "Hz"]
    values: tuple[float, ...]


class Control(Strict, ABC):
    """Settings of a local control. Its groups stand in `DiTConfig.additive`; where the control is absent they are zero.

    `dropout` is the share of training items that go without it, so that a player may leave it out.
    """

    kind: str
    dropout: float = Field(default=0.2, ge=0, le=1)

    @abstractmethod
    def groups(self, latent_channels: int) -> tuple[tuple[str, int], ...]:
        """Names and channels of its groups of the additive input."""


class SketchControl(Control):
    """A feature of the target audio ("instrument-like"), drawn by the player ahead of the block. One group, presence first."""

    @property
    @abstractmethod
    def values(self) -> int:
        """Channels after the presence channel."""

    def groups(self, latent_channels: int) -> tuple[tuple[str, int], ...]:
        return ((self.kind, 1 + self.values),)

    @property
    @abstractmethod
    def axis(self) -> Axis:
        """What each channel after the presence channel stands for, so that a player can draw a sketch without sound."""

    @abstractmethod
    def analyser(self, sample_rate: int, frame_size: int) -> Analyser:
        """The fixed analysis of audio that comes before smoothing."""

    @abstractmethod
    def shape(self, smooth: Tensor) -> Tensor:
        """Smoothed analysis [B, analyser.features, N] -> values [B, values, N]."""


class Analyser(nn.Module, ABC):
    """Audio to one column of features a latent frame, causal: a frame's window ends with the frame's last sample.

    `history` is the number of samples before the first frame that the first window needs. Features are levels in dB, and of silence
    they are all `SILENCE_DB`.
    """

    history: int
    features: int

    @abstractmethod
    def forward(self, audio: Tensor) -> Tensor:
        """[B, history + N * frame_size] -> [B, features, N]."""
