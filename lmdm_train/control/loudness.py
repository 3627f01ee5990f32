"""Loudness over time as a sketch (paper §5, after Sketch2Sound, García et al. 2025): A-weighted level of every frame."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from lmdm_train.control.base import SILENCE_DB, Analyser, Axis, SketchControl
from lmdm_train.framing import windows

WINDOW = 1024


class LoudnessControl(SketchControl):
    """A-weighted level between `lowest_db` and `highest_db` (dB of full scale, a sine of amplitude 1 has -3), spread over `levels`
    channels: each is 1 at a level of its own, of evenly spaced ones, and falls to 0 at its neighbours', so that the two nearest
    sum to 1.

    One channel with a number from 0 to 1 was hardly followed: beside latent frames it is small, and a network must bend it first.
    """

    kind: Literal["loudness"] = "loudness"
    lowest_db: float = -60.0
    highest_db: float = 0.0
    levels: int = Field(default=16, ge=2)

    @property
    def values(self) -> int:
        return self.levels

    @property
    def axis(self) -> Axis:
        return Axis("dB", tuple(np.linspace(self.lowest_db, self.highest_db, self.levels).round(6).tolist()))

    def analyser(self, sample_rate: int, frame_size: int) -> Analyser:
        return Level(sample_rate, frame_size)

    def shape(self, smooth: Tensor) -> Tensor:
        place = ((smooth - self.lowest_db) / (self.highest_db - self.lowest_db)).clamp(0, 1) * (self.levels - 1)
        return (1 - (place - torch.arange(self.levels, device=smooth.device)[:, None]).abs()).clamp(min=0)

    def level(self, values: Tensor) -> Tensor:
        """What `shape` was given, within the range: [B, levels, N] -> dB, [B, N]."""
        step = (self.highest_db - self.lowest_db) / (self.levels - 1)
        return torch.einsum("bln,l->bn", values, torch.arange(self.levels, device=values.device) * step) + self.lowest_db


def a_weighting(hz: np.ndarray) -> np.ndarray:
    """Amplitude response of the A curve, 1 at 1 kHz (IEC 61672-1, Annex E)."""
    f2 = hz.astype(np.float64) ** 2
    response = 12194**2 * f2**2 / ((f2 + 20.6**2) * np.sqrt((f2 + 107.7**2) * (f2 + 737.9**2)) * (f2 + 12194**2))
    return np.asarray(response / 0.794328)


class Level(Analyser):
    """A-weighted level in dB, [B, 1, N]: the mean power of overlapping short windows that end within the frame."""

    dft: Tensor

    def __init__(self, sample_rate: int, frame_size: int) -> None:
        super().__init__()
        self.frame_size, self.features = frame_size, 1
        self.hop = min(WINDOW // 2, frame_size)
        self.history = WINDOW - self.hop
        n, k = np.arange(WINDOW)[:, None], np.arange(1, WINDOW // 2)
        window = np.hanning(WINDOW + 1)[:-1, None]
        weight = a_weighting(k * sample_rate / WINDOW) * window * np.sqrt(2 / (WINDOW * (window**2).sum()))
        angle = 2 * np.pi * n * k / WINDOW
        table = np.concatenate([weight * np.cos(angle), weight * np.sin(angle)], axis=1)
        self.register_buffer("dft", torch.from_numpy(table.astype(np.float32)), persistent=False)

    def forward(self, audio: Tensor) -> Tensor:
        power = (windows(audio, WINDOW, self.hop) @ self.dft).square().sum(dim=-1)
        frames = power.reshape(power.shape[0], -1, self.frame_size // self.hop).mean(dim=-1)
        return 10 * torch.log10(frames + 10 ** (SILENCE_DB / 10))[:, None]
