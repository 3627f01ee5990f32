"""Top-k constant-Q pitch: which notes sound, as a sketch (paper §5; top-k CQT after Tsai et al. 2025)."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from lmdm_train.control.base import SILENCE_DB, Analyser, Axis, SketchControl
from lmdm_train.framing import windows


class PitchControl(SketchControl):
    """The `top` strongest spectral peaks of every frame on a grid of `bins_per_octave` equal steps.

    A kept bin has the value 1 + (its level - the frame's strongest level) / `range_db`, hence 1 for the strongest and 0 for those
    `range_db` below it; all others are 0. Frames whose strongest bin lies below `floor_db` are empty: a rest is a sketch too.
    """

    kind: Literal["pitch"] = "pitch"
    lowest_hz: float = Field(default=65.406, gt=0)
    octaves: int = Field(default=6, gt=0)
    bins_per_octave: int = Field(default=12, gt=0)
    top: int = Field(default=4, gt=0)
    range_db: float = Field(default=30.0, gt=0)
    floor_db: float = -60.0
    longest_window: int = 8192

    @property
    def values(self) -> int:
        return self.octaves * self.bins_per_octave

    @property
    def hz(self) -> np.ndarray:
        """Centre frequency of every bin, [values]."""
        return self.lowest_hz * 2 ** (np.arange(self.values) / self.bins_per_octave)

    @property
    def axis(self) -> Axis:
        return Axis("Hz", tuple(self.hz.round(4).tolist()))

    def analyser(self, sample_rate: int, frame_size: int) -> Analyser:
        return ConstantQ(self, sample_rate, frame_size)

    def shape(self, smooth: Tensor) -> Tensor:
        neighbours = F.max_pool1d(smooth.transpose(1, 2), 3, stride=1, padding=1).transpose(1, 2)
        peaks = torch.where(smooth >= neighbours, smooth, torch.full_like(smooth, SILENCE_DB))
        strongest = peaks.amax(dim=1, keepdim=True)
        least = torch.topk(peaks, self.top, dim=1).values[:, -1:]
        level = (1 + (peaks - strongest) / self.range_db).clamp(0, 1)
        return level * (peaks >= least) * (strongest > self.floor_db)


class ConstantQ(Analyser):
    """Level in dB of every bin: complex windows of constant Q, no shorter than a frame (so that no note slips between two frames)
    and no longer than `longest_window`."""

    kernels: Tensor

    def __init__(self, control: PitchControl, sample_rate: int, frame_size: int) -> None:
        super().__init__()
        self.frame_size, self.features = frame_size, control.values
        size = max(control.longest_window, frame_size)
        self.history = size - frame_size
        q = 1 / (2 ** (1 / control.bins_per_octave) - 1)
        table = np.zeros((2, size, control.values))
        for index, hz in enumerate(control.hz):
            length = int(np.clip(q * sample_rate / hz, frame_size, size))
            window = np.hanning(length + 2)[1:-1]
            angle = 2 * np.pi * hz * np.arange(length) / sample_rate
            table[0, size - length :, index] = window * np.cos(angle) * 2 / window.sum()
            table[1, size - length :, index] = window * np.sin(angle) * 2 / window.sum()
        self.register_buffer("kernels", torch.from_numpy(np.concatenate(list(table), axis=1).astype(np.float32)), persistent=False)

    def forward(self, audio: Tensor) -> Tensor:
        spectrum = windows(audio, self.kernels.shape[0], self.frame_size) @ self.kernels
        power = spectrum[..., : self.features] ** 2 + spectrum[..., self.features :] ** 2
        return (10 * torch.log10(power + 10 ** (SILENCE_DB / 10))).transpose(1, 2)
