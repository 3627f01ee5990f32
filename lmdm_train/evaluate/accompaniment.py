"""Does a stem go with its accompaniment? Onset and chroma agreement, between random pairings (0) and true pairs (1), as paper Fig. 6."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lmdm_train.codec.spectral_bank import mel_bands
from lmdm_train.data.music import Track
from lmdm_train.errors import LmdmTrainError

WINDOW, HOP, BANDS = 1024, 512, 40
CHROMA_WINDOW = 8192
LAGS = 4


def onsets(audio: Tensor, rate: int) -> Tensor:
    """Onset strength [B, steps] every HOP samples: rises of log-mel summed over the bands, above their local mean."""
    power = _power(audio, WINDOW, HOP)
    mel = torch.from_numpy(mel_bands(WINDOW // 2, rate, BANDS)) @ power
    logs = torch.log10(mel + 1e-3 * mel.amax(dim=(1, 2), keepdim=True) + 1e-9)
    rises = (logs[..., 1:] - logs[..., :-1]).clamp(min=0).sum(1)
    local = torch.nn.functional.avg_pool1d(rises[:, None], 41, stride=1, padding=20, count_include_pad=False)[:, 0]
    return (rises - local).clamp(min=0)


def onset_agreement(a: Tensor, b: Tensor, rate: int) -> np.ndarray:
    """Best correlation of the onsets of two streams [B, samples] within ±4 steps (46 ms at 44.1 kHz), [B]; 0 where one has none."""
    one, two = onsets(a, rate), onsets(b, rate)
    steps = one.shape[1]
    found = []
    for lag in range(-LAGS, LAGS + 1):
        x, y = one[:, max(lag, 0) : steps + min(lag, 0)], two[:, max(-lag, 0) : steps + min(-lag, 0)]
        x, y = x - x.mean(1, keepdim=True), y - y.mean(1, keepdim=True)
        norm = (x.square().sum(1) * y.square().sum(1)).sqrt()
        found.append(torch.where(norm > 1e-9, (x * y).sum(1) / norm.clamp(min=1e-9), 0.0))
    return torch.stack(found).amax(0).numpy()


def chroma(audio: Tensor, rate: int) -> Tensor:
    """Energy in twelve pitch classes, of partials from 55 to 2000 Hz, [B, 12, steps]; square roots, so that one note does not drown all."""
    power = _power(audio, CHROMA_WINDOW, CHROMA_WINDOW // 2)
    hz = np.arange(CHROMA_WINDOW // 2) * rate / CHROMA_WINDOW
    classes = np.round(12 * np.log2(np.maximum(hz, 1) / 440)).astype(int) % 12
    fold = (classes[None] == np.arange(12)[:, None]) & ((hz > 55) & (hz < 2000))[None]
    return (torch.from_numpy(fold.astype(np.float32)) @ power).sqrt()


def chroma_agreement(a: Tensor, b: Tensor, rate: int) -> np.ndarray:
    """Cosine of the two streams' pitch classes about their mean, averaged over the steps in which both sound, [B]; 0 where none does."""
    one, two = chroma(a, rate), chroma(b, rate)
    sounding = [x.sum(1) > 1e-2 * x.sum(1).amax(1, keepdim=True).clamp(min=1e-6) for x in (one, two)]
    one, two = one - one.mean(1, keepdim=True), two - two.mean(1, keepdim=True)
    cosine = (one * two).sum(1) / (one.square().sum(1) * two.square().sum(1)).sqrt().clamp(min=1e-9)
    both = (sounding[0] & sounding[1]).float()
    return ((cosine * both).sum(1) / both.sum(1).clamp(min=1)).numpy()


AGREEMENTS = {"onset": onset_agreement, "chroma": chroma_agreement}


def auc(true: np.ndarray, random_: np.ndarray) -> float:
    """How often a true pair scores above a random one; ties count half."""
    return float(((true[:, None] > random_[None]) + 0.5 * (true[:, None] == random_[None])).mean())


@dataclass(frozen=True)
class StemPairs:
    """A stem of each piece and the sum of its others, [B, samples] at one rate, and what the stem is called in a prompt."""

    rate: int
    stem: Tensor
    rest: Tensor
    names: list[str]

    @classmethod
    def read(cls, tracks: Sequence[Track], rate: int, frame_size: int, seconds: float, *, seed: int = 0, role: str = "") -> StemPairs:
        """One stem of each track, of the role if it is named (such as bass), by chance otherwise. Tracks that have no pair are left out.

        Raises:
            LmdmTrainError: fewer than two tracks have a pair, or a stem cannot be read.
        """
        rng = random.Random(seed)
        stems, rests, names = [], [], []
        for track in tracks:
            about = track.metadata["stems"]
            chosen = [name for name, facts in about.items() if role in ("", facts["inst_class"])]
            if len(about) < 2 or not chosen:
                continue
            target = rng.choice(chosen)
            audio = {name: torch.from_numpy(track.stem(name, rate)) for name in about}
            stems.append(audio[target])
            rests.append(torch.stack([audio[name] for name in about if name != target]).sum(0))
            names.append(str(about[target]["midi_program_name"]))
        if len(stems) < 2:
            raise LmdmTrainError(f"{len(stems)} of {len(tracks)} tracks have {role or 'a'} stem and another beside it, two are needed")
        samples = min(int(seconds * rate), *(len(stem) for stem in stems)) // frame_size * frame_size
        return cls(rate, torch.stack([x[:samples] for x in stems]), torch.stack([x[:samples] for x in rests]), names)


@dataclass(frozen=True)
class Coherence:
    """One agreement of one set of stems with its accompaniments.

    `relative` is 0 where stems and accompaniments of different pieces lie and 1 where true pairs do; `error` is its standard error.
    """

    subject: str
    metric: str
    score: float
    relative: float
    error: float


@dataclass(frozen=True)
class Scale:
    """Scores of true pairs and of all pairings of different pieces, by metric: what 1 and 0 mean, and how well the two are told apart."""

    true: dict[str, np.ndarray]
    random: dict[str, np.ndarray]

    @classmethod
    def of(cls, pairs: StemPairs) -> Scale:
        count = len(pairs.stem)
        shifts = range(1, min(count, 5))
        return cls(
            {name: agree(pairs.stem, pairs.rest, pairs.rate) for name, agree in AGREEMENTS.items()},
            {
                name: np.concatenate([agree(pairs.stem, pairs.rest.roll(shift, dims=0), pairs.rate) for shift in shifts])
                for name, agree in AGREEMENTS.items()
            },
        )

    def auc(self) -> dict[str, float]:
        return {name: auc(self.true[name], self.random[name]) for name in AGREEMENTS}

    def coherence(self, subject: str, stems: Tensor, pairs: StemPairs) -> list[Coherence]:
        """Of stems [B, samples] with the accompaniments of the pairs."""
        made = []
        for name, agree in AGREEMENTS.items():
            scores = agree(stems, pairs.rest[:, : stems.shape[1]], pairs.rate)
            low, high = float(self.random[name].mean()), float(self.true[name].mean())
            error = float(scores.std(ddof=1) / np.sqrt(len(scores)))
            span = high - low
            made.append(Coherence(subject, name, float(scores.mean()), (float(scores.mean()) - low) / span, error / abs(span)))
        return made


def _power(audio: Tensor, window: int, hop: int) -> Tensor:
    """[B, samples] -> [B, window / 2, steps]."""
    return torch.stft(audio, window, hop, window=torch.hann_window(window), center=False, return_complex=True)[:, :-1].abs().square()
