"""Cheap music for tests of evaluations, and ways to worsen it on purpose."""

from __future__ import annotations

import numpy as np
import scipy.signal
import torch
from torch import Tensor

from lmdm_train.evaluate.judge import SAMPLE_RATE


def music(seed: int, seconds: float = 6.0, stems: tuple[str, ...] = ("tone", "drum")) -> Tensor:
    """Notes of a random scale with partials, and clicks of noise on a beat; [1, samples]."""
    rng = np.random.default_rng(seed)
    n = np.arange(int(seconds * SAMPLE_RATE))
    audio = np.zeros(len(n))
    for start in np.arange(0, seconds, 0.5):
        hz, where = 110 * 2 ** (rng.integers(0, 36) / 12), (n >= start * SAMPLE_RATE) & (n < (start + 0.5) * SAMPLE_RATE)
        decay = np.exp(-3 * (n[where] / SAMPLE_RATE - start))
        if "tone" in stems:
            audio[where] += 0.1 * decay * sum(np.sin(2 * np.pi * hz * k * n[where] / SAMPLE_RATE) / k for k in range(1, 8))
        hit = rng.standard_normal(where.sum()) * np.exp(-40 * (n[where] / SAMPLE_RATE - start))
        if "drum" in stems:
            audio[where] += 0.1 * hit
    return torch.from_numpy(audio).float()[None]


def low_passed(audio: Tensor, hz: float) -> Tensor:
    return torch.from_numpy(
        scipy.signal.sosfilt(scipy.signal.butter(6, hz, fs=SAMPLE_RATE, output="sos"), audio.numpy()).astype(np.float32)
    )


WORSE = {
    "noise": lambda audio, amount: audio + torch.randn(audio.shape, generator=torch.Generator().manual_seed(0)) * 0.02 * amount,
    "low-pass": lambda audio, amount: low_passed(audio, 4000 / amount),
    "clipping": lambda audio, amount: (audio * 4 * amount).clamp(-0.3, 0.3),
    "level": lambda audio, amount: audio * 10 ** (-6 * amount / 20),
}
