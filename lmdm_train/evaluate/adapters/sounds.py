"""Audio files as the published metrics take them: pairs by name, peaks at -1 dB, cut into windows."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lmdm_train.data.audio import SUFFIXES, read_audio
from lmdm_train.errors import LmdmTrainError

Array = np.ndarray
PEAK = 10 ** (-1 / 20)


def audio_files(folder: Path) -> dict[str, Path]:
    """Audio files of a folder by their name without its ending, sorted.

    Raises:
        LmdmTrainError: there is no such folder, it has none, or two differ only in their ending.
    """
    if not folder.is_dir():
        raise LmdmTrainError(f"there is no folder {folder}; give one that holds audio files")
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    files = {path.stem: path for path in paths}
    if not files:
        raise LmdmTrainError(f"{folder} holds no audio files; expected names that end in {', '.join(SUFFIXES)}")
    if len(files) < len(paths):
        raise LmdmTrainError(f"{folder} holds {len(paths)} audio files of {len(files)} different names; keep one of each name")
    return files


def pairs(reference: Path, generated: Path) -> dict[str, tuple[Path, Path]]:
    """Reference and generated file of every name.

    Raises:
        LmdmTrainError: a generated file has no reference of its name.
    """
    real, made = audio_files(reference), audio_files(generated)
    alone = [name for name in made if name not in real]
    if alone:
        raise LmdmTrainError(
            f"{len(alone)} of {len(made)} files of {generated} have no file of their name in {reference}, the first is {alone[0]}; "
            "this metric compares file with file: give both the same names"
        )
    return {name: (real[name], path) for name, path in made.items()}


def mono(path: Path, rate: int) -> Array:
    """A file as mono float32 [samples] at `rate`, its peak at -1 dB as stable-audio-metrics has it; silence stays silence."""
    return peak_normalised(read_audio(path, rate, 1))[0]


def peak_normalised(audio: Array) -> Array:
    """[channels, samples] scaled so that its largest sample is -1 dB of full scale (pyloudnorm.normalize.peak)."""
    peak = float(np.abs(audio).max(initial=0.0))
    return (audio * (PEAK / peak)).astype(np.float32) if peak > 0 else audio


def windows(audio: Array, size: int, hop: int) -> Array:
    """[samples] -> [windows, size], padded with zeros at its end so that the last window is whole; at least one window."""
    count = 1 + max(0, -(-(len(audio) - size) // hop))
    padded = np.pad(audio, (0, (count - 1) * hop + size - len(audio)))
    return np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
