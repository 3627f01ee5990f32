"""Audio files of any rate and channel count as what a codec takes, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
import soxr

from lmdm_train.errors import LmdmTrainError

SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".aif", ".aiff", ".au", ".w64", ".caf")
FULL_SCALE = 0.999
CLIPPED_RUN = 3
SILENT_PEAK = 1e-4
SILENT_FRAME_RMS = 1e-3


class AudioProblem(LmdmTrainError):
    """An audio file that cannot be used. `kind` is the heading it is reported under."""

    def __init__(self, kind: str, why: str) -> None:
        super().__init__(why)
        self.kind = kind


def read_audio(path: Path, sample_rate: int, channels: int) -> np.ndarray:
    """A whole file as float32 [channels, samples] at `sample_rate`. One channel is the mean of all; more are copied from one.

    Raises:
        AudioProblem: missing, corrupt, empty or not finite.
    """
    try:
        audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (OSError, RuntimeError, ValueError, MemoryError) as failure:
        raise AudioProblem("corrupt", f"{path.name} cannot be read ({_short(failure)})") from None
    if not len(audio):
        raise AudioProblem("too short", f"{path.name} holds no samples")
    if not np.isfinite(audio).all():
        raise AudioProblem("corrupt", f"{path.name} holds NaN or infinite samples")
    if channels == 1 or audio.shape[1] not in (1, channels):
        audio = audio.mean(axis=1, keepdims=True)
    if rate != sample_rate:
        try:
            audio = soxr.resample(audio, rate, sample_rate)
        except (ValueError, RuntimeError, MemoryError) as failure:
            raise AudioProblem("corrupt", f"{path.name} has {rate} Hz and cannot be resampled ({_short(failure)})") from None
    return np.array(np.broadcast_to(audio.T, (channels, len(audio))), dtype=np.float32, order="C")


def clipped_share(audio: np.ndarray) -> float:
    """Share of the samples of [channels, samples] that stand at full scale at least three in a row."""
    full = np.abs(audio) >= FULL_SCALE
    if audio.shape[1] < CLIPPED_RUN or not full.any():
        return 0.0
    runs = np.lib.stride_tricks.sliding_window_view(full, CLIPPED_RUN, axis=1).all(axis=2)
    inside = np.zeros_like(full)
    for offset in range(CLIPPED_RUN):
        inside[:, offset : offset + runs.shape[1]] |= runs
    return float(inside.mean())


def is_silent(audio: np.ndarray) -> bool:
    """Whether no sample is louder than -80 dB of full scale."""
    return bool(np.abs(audio).max(initial=0.0) < SILENT_PEAK)


def silence_ratio(audio: np.ndarray, frame_size: int) -> float:
    """Share of the frames of [channels, N * frame_size] that lie below -60 dB of full scale (rms)."""
    frames = audio.reshape(audio.shape[0], -1, frame_size)
    rms = np.sqrt((frames**2).mean(axis=(0, 2)))
    return round(float((rms < SILENT_FRAME_RMS).mean()), 4)


def _short(failure: BaseException) -> str:
    return (str(failure).splitlines() or [""])[0][:120].rstrip(".") or type(failure).__name__
