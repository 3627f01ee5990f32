"""Reads rendered tracks: captions, attributes and mono mixes, split into training and held-out pieces by seed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from lmdm_train.errors import LmdmTrainError

HELD_OUT_EVERY = 12


@dataclass(frozen=True)
class Track:
    """One rendered piece and what is known of it."""

    folder: Path
    metadata: dict[str, Any]

    @property
    def prompt(self) -> str:
        return str(self.metadata["prompt"])

    @property
    def held_out(self) -> bool:
        """Every twelfth group of styles is never trained on; seeds of one group hold each style once."""
        return (int(self.metadata["seed"]) // 6) % HELD_OUT_EVERY == HELD_OUT_EVERY - 1

    def mix(self, sample_rate: int) -> np.ndarray:
        """The mix as mono float32 [samples]; raises LmdmTrainError where the file is missing, corrupt or of another rate."""
        return self._mono(self.folder / "mix.flac", sample_rate)

    def stem(self, name: str, sample_rate: int) -> np.ndarray:
        """One stem, such as `S00`, as `mix` gives the mix."""
        return self._mono(self.folder / "stems" / f"{name}.flac", sample_rate)

    @staticmethod
    def _mono(path: Path, sample_rate: int) -> np.ndarray:
        try:
            audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
        except (OSError, soundfile.LibsndfileError) as failure:
            raise LmdmTrainError(f"{path} cannot be read ({failure}); render it again with: lmdm data compose") from None
        if rate != sample_rate:
            raise LmdmTrainError(f"{path} has {rate} Hz, expected {sample_rate} Hz")
        mono: np.ndarray = audio.mean(axis=1)
        return mono


def find_tracks(folder: Path) -> list[Track]:
    """All tracks of a music folder in order of their names; raises LmdmTrainError when there is none."""
    tracks = [Track(path.parent, json.loads(path.read_text())) for path in sorted(folder.glob("Track*/metadata.json"))]
    if not tracks:
        raise LmdmTrainError(f"{folder} holds no tracks (expected Track*/metadata.json); make some with: lmdm data compose -o {folder}")
    return tracks
