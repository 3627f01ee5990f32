"""Does music fall apart over minutes? Every metric in sliding windows over a long rollout (paper §6.1, Fig. 4 and A.2.1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lmdm_train.evaluate.asked import agreement, asked_by, hear_windows
from lmdm_train.evaluate.curves import Curve, Statistic, Windows, curve
from lmdm_train.evaluate.distance import Gaussian, kernel_distance
from lmdm_train.evaluate.features import Extractor, JudgeFeatures, LogMelStatistics, pooled
from lmdm_train.evaluate.judge import SAMPLE_RATE, SECONDS, Judge

# Features of a set of windows [n, features] -> how far they lie from real ones.
SetDistance = Callable[[np.ndarray], float]

HALF_SECOND = SAMPLE_RATE // 2
SPECTRUM = 2048


@dataclass(frozen=True)
class Played:
    """Long rollouts of one model: frames [P, C, N] and mono audio [P, samples] at SAMPLE_RATE."""

    prompts: list[str]
    frames: Tensor
    audio: Tensor

    @property
    def seconds(self) -> float:
        return self.audio.shape[1] / SAMPLE_RATE


@dataclass(frozen=True)
class Yardstick:
    """Real music as the instrument could at best play it: audio [B, samples] and frames [B, C, N] of held-out pieces, through the codec.

    `others` are groups of as many other pieces as the instrument plays prompts, also coded: how far real music lies from real music.
    """

    audio: Tensor
    frames: Tensor
    others: list[Tensor]
    prompts: list[str]


def drift_curves(played: Played, real: Yardstick, judge: Judge, windows: Windows) -> list[Curve]:
    """Fréchet and kernel distance, prompt following, level, spectral centroid and latent spread over time."""
    listener = JudgeFeatures(judge)
    pieces, times = len(played.prompts), windows.times
    curves = []

    fixed = LogMelStatistics()
    truth = Gaussian.of(pooled(fixed(real.audio)))

    def frechet(features: np.ndarray) -> float:
        return truth.distance(Gaussian.of(features))

    floor = _floor(fixed, real.others, windows, frechet)
    statistic = _of_sets(played, fixed, windows, frechet)
    curves.append(curve("Fréchet distance, log-mel statistics", "", times, statistic, pieces, real=floor[0], real_spread=floor[1]))

    learnt = pooled(listener(real.audio))

    def kernel(features: np.ndarray) -> float:
        return kernel_distance(features, learnt)

    floor = _floor(listener, real.others, windows, kernel)
    statistic = _of_sets(played, listener, windows, kernel)
    curves.append(curve("kernel distance, judge", "", times, statistic, pieces, real=floor[0], real_spread=floor[1]))

    followed = _followed(judge, played.audio, played.prompts, listener.hop)
    if followed is not None:
        best = _followed(judge, real.audio, real.prompts, listener.hop)
        level = None if best is None else float(best.mean())
        statistic = _mean_of(followed, windows, SECONDS, listener.hop)
        curves.append(curve("prompt heard by the judge", "probability", times, statistic, pieces, real=level))

    for name, unit, series, usual in (
        ("level", "dB", levels_db(played.audio), levels_db(real.audio)),
        ("spectral centroid", "Hz", centroids_hz(played.audio), centroids_hz(real.audio)),
    ):
        statistic = _mean_of(series, windows, 0.5, 0.5)
        curves.append(curve(name, unit, times, statistic, pieces, real=float(usual.mean())))
    usual = real.frames.transpose(0, 1).flatten(1).std(1).numpy()
    frame = played.seconds / played.frames.shape[2]
    shares = _latent_spread(played.frames.numpy(), usual, frame, windows)
    of_real = _latent_spread(real.frames.numpy(), usual, frame, Windows(real.frames.shape[2] * frame, windows.seconds, windows.hop))
    curves.append(
        curve("spread of latents", "of all real", times, lambda chosen: shares[chosen].mean(0), pieces, real=float(of_real.mean()))
    )
    return curves


def levels_db(audio: Tensor) -> np.ndarray:
    """Level of every half second in dB of full scale, [B, halves]; silence counts as -80."""
    power = _halves(audio).square().mean(-1)
    return (10 * torch.log10(power + 1e-8)).numpy()


def centroids_hz(audio: Tensor) -> np.ndarray:
    """Power-weighted mean frequency of every half second, [B, halves]."""
    window = torch.hann_window(SPECTRUM)
    hz = torch.arange(SPECTRUM // 2 + 1) * SAMPLE_RATE / SPECTRUM
    rows = []
    for item in _halves(audio):
        power = torch.stft(item, SPECTRUM, SPECTRUM // 2, window=window, center=False, return_complex=True).abs().square().mean(-1) + 1e-9
        rows.append((power * hz).sum(-1) / power.sum(-1))
    return torch.stack(rows).numpy()


def _halves(audio: Tensor) -> Tensor:
    return audio.unfold(1, HALF_SECOND, HALF_SECOND)


def _of_sets(played: Played, extractor: Extractor, windows: Windows, distance: SetDistance) -> Statistic:
    """A distance of all features inside of each window, over the chosen pieces."""
    features = extractor(played.audio)
    inside = windows.within(extractor.seconds, extractor.hop, features.shape[1])
    return lambda pieces: np.array([distance(pooled(features[pieces][:, chosen])) for chosen in inside])


def _floor(extractor: Extractor, groups: Sequence[Tensor], windows: Windows, distance: SetDistance) -> tuple[float, float]:
    """The same distance for real groups, over one window each that is as long, and its spread."""
    count = int((windows.seconds - extractor.seconds) / extractor.hop) + 1
    found = [distance(pooled(extractor(group)[:, :count])) for group in groups]
    return float(np.mean(found)), float(np.std(found))


def _mean_of(series: np.ndarray, windows: Windows, length: float, hop: float) -> Statistic:
    """The mean of a series [P, n] inside of each window, over the chosen pieces."""
    inside = windows.within(length, hop, series.shape[1])
    means = np.stack([series[:, chosen].mean(1) for chosen in inside], axis=1)
    return lambda pieces: np.asarray(means[pieces].mean(0))


def _followed(judge: Judge, audio: Tensor, prompts: Sequence[str], hop: float) -> np.ndarray | None:
    """Mean probability of what each prompt asks for, [P, windows]; None when a prompt asks for nothing that the judge knows."""
    asked = [asked_by(prompt) for prompt in prompts]
    if not all(asked):
        return None
    heard = hear_windows(judge, audio, hop)
    return torch.stack([agreement(item, wants, list(wants)) for item, wants in zip(heard, asked, strict=True)]).numpy()


def _latent_spread(frames: np.ndarray, usual: np.ndarray, frame: float, windows: Windows) -> np.ndarray:
    """Spread of frames [P, C, N] of `frame` seconds inside of each window over the `usual` one of each channel, [P, windows]."""
    inside = windows.within(frame, frame, frames.shape[2])
    return np.stack([(frames[:, :, chosen].std(2) / usual).mean(1) for chosen in inside], axis=1)
