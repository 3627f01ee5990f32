"""Loudness over time as a sketch (paper §5, after Sketch2Sound, García et al. 2025): A-weighted level of every frame."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from lmdm_train.control.base import SILENCE_DB, Analyser, SketchControl

WINDOW = 1024


class LoudnessControl(SketchControl):
    """A-weighted level: 0 at `lowest_db` and below, 1 at `highest_db` and above (dB of full scale, a sine of amplitude 1 has -3)."""

    kind: Literal["loudness"] = "loudness"
    lowest_db: float = -60.0
    highest_db: float = 0.0

    @property
    def values(self) -> int:
        return 1

    def analyser(self, sample_rate: int, frame_size: int) -> Analyser:
        return Level(sample_rate, frame_size)

    def shape(self, smooth: Tensor) -> Tensor:
        return ((smooth - self.lowest_db) / (self.highest_db - self.lowest_db)).clamp(0, 1)


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
        windows = audio.unfold(1, WINDOW, self.hop)
        power = (windows @ self.dft).square().sum(dim=-1)
        frames = power.reshape(power.shape[0], -1, self.frame_size // self.hop).mean(dim=-1)
        return 10 * torch.log10(frames + 10 ** (SILENCE_DB / 10))[:, None]
