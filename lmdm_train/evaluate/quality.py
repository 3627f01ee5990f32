"""How far generated music lies from real music, beside how far other real music lies from it, and what the codec alone costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from lmdm_train.codec.base import Codec
from lmdm_train.errors import LmdmTrainError
from lmdm_train.evaluate.distance import frechet_distance, kernel_distance
from lmdm_train.evaluate.features import Extractor, pooled
from lmdm_train.evaluate.real import excerpts, held_out_tracks, other_tracks, through_codec, worsened

Features = dict[str, np.ndarray]


@dataclass(frozen=True)
class Distance:
    """Distances of one set of audio from one reference, by one extractor. `spread` is that of the Fréchet distance over repetitions."""

    subject: str
    reference: str
    extractor: str
    frechet: float
    kernel: float
    spread: float = 0.0


def extract(extractors: Sequence[Extractor], audio: Tensor) -> Features:
    """Mono audio [B, samples] -> all windows' features by extractor."""
    return {extractor.name: pooled(extractor(audio)) for extractor in extractors}


def distances(subject: str, made: Features | Sequence[Features], references: Mapping[str, Features]) -> list[Distance]:
    """One row for each reference and extractor; several sets of one kind give their mean and spread."""
    sets = [made] if isinstance(made, dict) else list(made)
    rows = []
    for reference, real in references.items():
        for name in real:
            frechet = [frechet_distance(item[name], real[name]) for item in sets]
            kernel = [kernel_distance(item[name], real[name]) for item in sets]
            rows.append(Distance(subject, reference, name, float(np.mean(frechet)), float(np.mean(kernel)), float(np.std(frechet))))
    return rows


@dataclass(frozen=True)
class RealSets:
    """Held-out pieces as they are and through the codec, their captions, and groups of other pieces of the same size.

    The same count and length everywhere, since a Fréchet distance depends on both.
    """

    captions: list[str]
    seconds: float
    held_out: Tensor
    held_out_coded: Tensor
    others: list[Tensor]
    others_coded: list[Tensor]

    @classmethod
    def read(cls, music: Path, codec: Codec, *, pieces: int, seconds: float, groups: int = 3, seed: int = 0) -> RealSets:
        """Raises LmdmTrainError where the folder has too few pieces."""
        rate, size = codec.sample_rate, codec.frame_size
        tracks = held_out_tracks(music, least=pieces)[:pieces]
        rest = other_tracks(music, pieces * groups, seed)
        if len(rest) < pieces:
            raise LmdmTrainError(
                f"{music} has {len(rest)} pieces that are not held out, {pieces} are needed; compose more: lmdm data compose"
            )
        held_out = excerpts(tracks, rate, size, seconds)
        actual = held_out.shape[1] / rate
        others = [excerpts(rest[i : i + pieces], rate, size, actual) for i in range(0, len(rest) - pieces + 1, pieces)]
        return cls(
            [track.prompt for track in tracks],
            actual,
            held_out,
            through_codec(codec, held_out),
            others,
            [through_codec(codec, audio) for audio in others],
        )

    def references(self, extractors: Sequence[Extractor]) -> dict[str, Features]:
        return {"held-out pieces": extract(extractors, self.held_out), "held-out pieces, coded": extract(extractors, self.held_out_coded)}

    def yardsticks(self, extractors: Sequence[Extractor], references: Mapping[str, Features]) -> list[Distance]:
        """Floor (other real pieces), the codec's share (the same through the codec) and a control (the same under noise)."""
        sets = {
            "other real pieces (floor)": self.others,
            "other real pieces, coded": self.others_coded,
            "other real pieces, noise at -20 dB (control)": [worsened(audio) for audio in self.others],
        }
        return [
            row
            for subject, groups in sets.items()
            for row in distances(subject, [extract(extractors, audio) for audio in groups], references)
        ]
