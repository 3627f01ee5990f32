"""Audio files in and out: any rate and channel layout in, the model's out; writing is atomic and refuses what is not finite."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr

from lmdm_runtime.errors import LmdmError

Array = np.ndarray
# Channels after left and right in WAV and FLAC, by their number: c centre, x low frequencies (left out), l and r surrounds.
SURROUND = {3: "c", 4: "lr", 5: "clr", 6: "cxlr", 7: "cxclr", 8: "cxlrlr"}
FOLD = 0.7071  # gain of centre and surrounds in a stereo fold-down after ITU-R BS.775


class AudioError(LmdmError):
    """An audio file or array cannot be used; says what was found and what is expected."""


def to_channels(audio: Array, channels: int) -> Array:
    """Fold or spread [n, samples] to [channels, samples].

    Surround layouts fold to stereo after ITU-R BS.775 (the low-frequency channel is left out), stereo folds to mono by its mean,
    mono is copied to every channel.
    """
    count = audio.shape[0]
    if count == channels:
        return audio
    if count > 2:
        if count not in SURROUND:
            raise AudioError(f"audio has {count} channels; expected 1 to {max(SURROUND)}")
        left, right = audio[0].copy(), audio[1].copy()
        for place, extra in zip(SURROUND[count], audio[2:], strict=True):
            left += FOLD * extra * (place in "cl")
            right += FOLD * extra * (place in "cr")
        audio = np.stack([left, right]) / (1 + FOLD)
    if channels == 1:
        return audio.mean(axis=0, keepdims=True)
    if audio.shape[0] == 1:
        return np.repeat(audio, channels, axis=0)
    if channels == 2:
        return audio
    raise AudioError(f"{count} audio channels cannot become {channels}; give mono, stereo or the model's own layout")


def resample(audio: Array, rate: int, target: int) -> Array:
    """[channels, samples] from one rate to another, very high quality, delay compensated."""
    if rate == target:
        return audio
    return np.ascontiguousarray(soxr.resample(audio.T, rate, target, quality="VHQ").T)


def read_audio(path: str | Path, sample_rate: int, channels: int, *, start: float = 0.0, seconds: float | None = None) -> Array:
    """A file as float32 [channels, samples] at `sample_rate`; from second `start` on, at most `seconds` of it.

    Raises:
        AudioError: the file is missing, empty, not audio, or holds samples that are not finite.
    """
    path = Path(path)
    if not path.is_file():
        raise AudioError(f"there is no audio file {path}; give a WAV, FLAC, OGG, MP3 or AIFF file")
    try:
        with soundfile.SoundFile(path) as handle:
            rate = handle.samplerate
            handle.seek(min(handle.frames, round(start * rate)))
            audio = handle.read(-1 if seconds is None else round(seconds * rate), dtype="float32", always_2d=True).T
    except (soundfile.LibsndfileError, RuntimeError, ValueError) as failure:
        raise AudioError(f"{path} is not readable as audio ({failure}); give a WAV, FLAC, OGG, MP3 or AIFF file") from None
    if audio.shape[1] == 0:
        raise AudioError(f"{path} holds no samples{f' after second {start:g}' if start else ''}; give a file with audio in it")
    bad = int(audio.size - np.isfinite(audio).sum())
    if bad:
        raise AudioError(f"{path} holds {bad} samples that are not finite (NaN or infinity); expected audio between -1 and 1")
    return np.ascontiguousarray(resample(to_channels(audio, channels), rate, sample_rate), dtype=np.float32)


class WavWriter:
    """Writes blocks to `path` as they come. The file appears under its name only when all is written; on an error nothing is left."""

    def __init__(self, path: str | Path, sample_rate: int, channels: int) -> None:
        self.path = Path(path)
        self.peak, self.samples = 0.0, 0
        if self.path.suffix.lower() not in (".wav", ".flac"):
            raise AudioError(f"{self.path.name} does not end in .wav or .flac, the formats that can be written")
        self._part = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
        kind = self.path.suffix.lower()[1:].upper()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = soundfile.SoundFile(self._part, "w", sample_rate, channels, subtype="PCM_24", format=kind)
        except (OSError, soundfile.LibsndfileError) as failure:
            raise AudioError(f"{self.path} cannot be written ({failure}); choose a folder that exists and has room") from None

    def write(self, block: Array) -> None:
        """Append [channels, samples]; beyond full scale it clips.

        Raises:
            AudioError: the block is not finite, or the disk is full.
        """
        if not np.isfinite(block).all():
            bad = int(block.size - np.isfinite(block).sum())
            raise AudioError(f"refusing to write {self.path}: {bad} samples are not finite; check the bundle with: lmdm validate")
        self.peak = max(self.peak, float(np.abs(block).max(initial=0.0)))
        try:
            self._file.write(block.T)
        except (OSError, soundfile.LibsndfileError, RuntimeError) as failure:
            raise AudioError(f"{self.path} could not be written on ({failure}); is the disk full?") from None
        self.samples += block.shape[1]

    def __enter__(self) -> WavWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: Any) -> None:
        with suppress(soundfile.LibsndfileError):
            self._file.close()
        if kind is None:
            os.replace(self._part, self.path)
        else:
            self._part.unlink(missing_ok=True)


def write_audio(path: str | Path, blocks: Iterable[Array], sample_rate: int, channels: int) -> WavWriter:
    """Write all blocks; returns the writer for its peak and length."""
    with WavWriter(path, sample_rate, channels) as writer:
        for block in blocks:
            writer.write(block)
    return writer
