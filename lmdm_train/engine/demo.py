"""What a demo writes: a sound, and its spectrogram where matplotlib is installed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy.signal
import soundfile
from torch import Tensor

WINDOW, HOP, RANGE_DB = 2048, 512, 80.0


def write_sound(path: Path, audio: Tensor, sample_rate: int) -> None:
    """Write audio [channels, samples] as `path`.wav (16 bit, clipped at full scale) and its spectrogram as `path`.png."""
    samples = audio.detach().float().cpu().clamp(-1, 1).numpy()
    soundfile.write(path.with_suffix(".wav"), samples.T, sample_rate, subtype="PCM_16")
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return
    figure = Figure(figsize=(10, 4), layout="constrained")
    axis = figure.subplots()
    level = spectrogram_db(samples.mean(axis=0))
    extent = (0.0, samples.shape[1] / sample_rate, 0.0, sample_rate / 2000)
    picture = axis.imshow(level, origin="lower", aspect="auto", extent=extent, vmin=level.max() - RANGE_DB, cmap="magma")
    axis.set(xlabel="seconds", ylabel="kHz", title=path.name)
    figure.colorbar(picture, label="dB")
    figure.savefig(path.with_suffix(".png"), dpi=100)


def spectrogram_db(samples: np.ndarray) -> np.ndarray:
    """Power in dB [WINDOW / 2 + 1, frames] of mono [samples]; a full-scale sine is near 0 dB."""
    padded = np.pad(samples, (0, max(0, WINDOW - len(samples))))
    _, _, spectrum = scipy.signal.stft(padded, nperseg=WINDOW, noverlap=WINDOW - HOP, boundary=None, padded=False)
    level: np.ndarray = 20 * np.log10(2 * np.abs(spectrum) + 1e-9)
    return level
