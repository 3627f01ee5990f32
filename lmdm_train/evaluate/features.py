"""Features of short windows of audio, for distances: fixed statistics of log-mel, and what the project's own judge has learnt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from lmdm_train.codec.spectral_bank import mel_bands
from lmdm_train.errors import LmdmTrainError
from lmdm_train.evaluate.judge import SAMPLE_RATE, Judge, listen


class Extractor(Protocol):
    """Windows of `seconds` every `hop` seconds, each a vector; nothing is downloaded and the same audio gives the same features."""

    @property
    def name(self) -> str: ...

    @property
    def seconds(self) -> float: ...

    @property
    def hop(self) -> float: ...

    def __call__(self, audio: Tensor) -> np.ndarray:
        """Mono audio [B, samples] at 44.1 kHz -> features [B, windows, features]; window i starts at `i * hop` seconds."""
        ...


@dataclass(frozen=True)
class LogMelStatistics:
    """Mean, spread and mean step of each log-mel band, in bels over -70 dB: timbre and level, and how lively both are.

    It hears noise, low-pass, clipping and missing stems. It is deaf to the order of events: music played backwards is the same to it.
    """

    name: str = "log-mel statistics"
    seconds: float = 1.0
    hop: float = 0.5
    bands: int = 24

    @torch.no_grad()
    def __call__(self, audio: Tensor) -> np.ndarray:
        mel = _log_mel(audio, self.bands)
        window, hop = _steps(self.seconds), self.hop * SAMPLE_RATE / HOP
        starts = _starts(audio.shape[1], self)
        cut = torch.stack([mel[:, :, round(i * hop) : round(i * hop) + window] for i in range(starts)], dim=1)
        step = (cut[..., 1:] - cut[..., :-1]).abs().mean(-1)
        return torch.cat((cut.mean(-1), cut.std(-1), step), dim=-1).numpy()


@dataclass(frozen=True)
class JudgeFeatures:
    """The judge's last hidden layer, each window scaled to an rms of 1: what tells styles and instruments apart, whatever the level."""

    judge: Judge
    name: str = "judge"
    seconds: float = 3.0
    hop: float = 1.0

    @torch.no_grad()
    def __call__(self, audio: Tensor) -> np.ndarray:
        windows = cut(audio, self)
        hidden = torch.stack([self.judge.features(listen(item)) for item in windows])
        return (hidden / hidden.square().mean(-1, keepdim=True).sqrt()).numpy()


def cut(audio: Tensor, extractor: Extractor) -> Tensor:
    """[B, samples] -> the extractor's windows [B, windows, samples]."""
    length, hop = int(extractor.seconds * SAMPLE_RATE), int(extractor.hop * SAMPLE_RATE)
    _starts(audio.shape[1], extractor)
    return audio.unfold(1, length, hop)


def pooled(features: np.ndarray) -> np.ndarray:
    """[B, windows, features] -> [B * windows, features]."""
    return features.reshape(-1, features.shape[-1])


WINDOW, HOP = 2048, 735  # 60 steps a second: windows and hops of half seconds fall on whole steps


def _steps(seconds: float) -> int:
    return int((seconds * SAMPLE_RATE - WINDOW) // HOP) + 1


def _starts(samples: int, extractor: Extractor) -> int:
    starts = int((samples - extractor.seconds * SAMPLE_RATE) // (extractor.hop * SAMPLE_RATE)) + 1
    if starts < 1:
        raise LmdmTrainError(
            f"{extractor.name} features need windows of {extractor.seconds:g} s, found {samples / SAMPLE_RATE:.2f} s of audio; play longer"
        )
    return starts


def _log_mel(audio: Tensor, bands: int) -> Tensor:
    """[B, samples] -> bels over -70 dB of a full-scale sine, [B, bands, steps]; never below 0."""
    window = torch.hann_window(WINDOW)
    basis = torch.from_numpy(mel_bands(WINDOW // 2, SAMPLE_RATE, bands))
    spectrum = torch.stft(audio, WINDOW, HOP, window=window * (2 / window.sum()), center=False, return_complex=True)
    return torch.log10((basis @ spectrum[:, :-1].abs().square()) * 1e7 + 1)
