"""Does an instrument follow a sketch? Its output's own sketch against the one that was asked for (paper §6.3; Tsai et al. 2025)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from torch import Tensor
from torch.nn import functional as F

from lmdm_train.config import InstrumentConfig
from lmdm_train.control import LoudnessControl, PitchControl
from lmdm_train.control.batch import window_controls
from lmdm_train.control.sketch import finish, raw_features, sketch_controls
from lmdm_train.data.music import Track
from lmdm_train.errors import LmdmTrainError
from lmdm_train.evaluate.play import OnBlock, decode, play_frames
from lmdm_train.evaluate.real import encode, excerpts
from lmdm_train.model.instrument import Instrument
from lmdm_train.rollout.controls import Controls

Prompts = Literal["own", "shuffled"]
METRICS = ("loudness_correlation", "loudness_error_db", "bin_recall", "class_recall")


@dataclass(frozen=True)
class Followed:
    """Means over the pieces, and their standard errors; NaN where the instrument lacks the control."""

    subject: str
    loudness_correlation: float
    loudness_error_db: float
    bin_recall: float
    class_recall: float
    errors: dict[str, float]


@dataclass(frozen=True)
class Sketches:
    """Sketches of real pieces, and what they were taken from.

    Attributes:
        audio: [B, samples] at the codec's rate; its first `context` frames come before the rollout.
        frames: the same through the codec's encoder, [B, C, N].
        controls: by group, [B, channels, N], all present.
    """

    config: InstrumentConfig
    median: int
    captions: list[str]
    audio: Tensor
    frames: Tensor
    controls: dict[str, Tensor]

    @classmethod
    def of(cls, instrument: Instrument, tracks: Sequence[Track], *, seconds: float, median: int = 1) -> Sketches:
        """Sketches of the beginnings of tracks, as long as a context and `seconds`.

        Raises:
            LmdmTrainError: the instrument has no sketch controls.
        """
        config, codec = instrument.config, instrument.codec
        if not sketch_controls(config):
            raise LmdmTrainError(
                f"{config.name} has no sketch controls to follow (its controls: "
                f"{', '.join(control.kind for control in config.controls) or 'none'}); train one with pitch or loudness"
            )
        before = config.layout.context * codec.frame_size / codec.sample_rate
        audio = excerpts(tracks, codec.sample_rate, codec.frame_size, before + seconds)
        raw = raw_features(config, audio)
        return cls(config, median, [track.prompt for track in tracks], audio, encode(codec, audio), finish(config, raw, median))

    @property
    def blocks(self) -> int:
        """Whole blocks after the context."""
        return (self.frames.shape[2] - self.config.layout.context) // self.config.layout.block

    def asked(self) -> dict[str, Tensor]:
        """Controls of the rollout alone."""
        start = self.config.layout.context
        return {name: value[..., start : start + self.blocks * self.config.layout.block] for name, value in self.controls.items()}

    def sketch_of(self, audio: Tensor) -> dict[str, Tensor]:
        """The sketch of a rollout [B, samples] at the codec's rate, by the same definition and the same median."""
        return finish(self.config, raw_features(self.config, audio), self.median)

    def timeline(self, *, primed: bool, kinds: Sequence[str] = ()) -> Controls:
        """Controls of each block's window; of these kinds alone, if any are named. Without priming there is no sketch of the past."""
        start = self.config.layout.context
        chosen = {name: value for name, value in self.controls.items() if not kinds or name in kinds}
        if not primed:
            chosen = {name: F.pad(value[..., start:], (start, 0)) for name, value in chosen.items()}
        bare = self.config.model_copy(update={"controls": sketch_controls(self.config)})
        return lambda block: window_controls(bare, chosen, block * self.config.layout.block, self.config.layout)


def play_sketches(
    instrument: Instrument,
    sketches: Sketches,
    *,
    prompts: Prompts = "own",
    primed: bool = False,
    kinds: Sequence[str] = (),
    seed: int = 0,
    on_block: OnBlock = lambda done: None,
) -> Tensor:
    """Rollouts that are asked for the sketches, [B, samples] at the codec's rate.

    `shuffled` prompts are the next piece's, which is of another style: what is then followed is the sketch and not the caption.
    """
    captions = sketches.captions if prompts == "own" else [*sketches.captions[1:], sketches.captions[0]]
    start = sketches.frames[..., : sketches.config.layout.context] if primed else None
    controls = sketches.timeline(primed=primed, kinds=kinds)
    frames = play_frames(instrument, captions, sketches.blocks, seed=seed, start=start, controls=controls, on_block=on_block)
    return decode(instrument.codec, frames)


def sketch_following(instrument: Instrument, sketches: Sketches, played: Tensor, name: str) -> list[Followed]:
    """How the rollout follows; the control: the same rollout against another piece's sketch; the ceiling: the codec's round trip.

    The other piece is the one before, since shuffled captions are those of the one after.
    """
    start, count = sketches.config.layout.context, sketches.blocks * sketches.config.layout.block
    asked, own = sketches.asked(), sketches.sketch_of(played)
    foreign = {kind: value.roll(1, dims=0) for kind, value in asked.items()}
    # The codec hears the context too, as it would in a stream; only then is the sketch cut.
    coded = sketches.sketch_of(decode(instrument.codec, sketches.frames))
    coded = {kind: value[..., start : start + count] for kind, value in coded.items()}
    return [
        following(sketches.config, own, asked, name),
        following(sketches.config, own, foreign, f"{name}, shuffled sketches (control)"),
        following(sketches.config, coded, asked, "codec alone (ceiling)"),
    ]


def following(config: InstrumentConfig, made: Mapping[str, Tensor], asked: Mapping[str, Tensor], subject: str) -> Followed:
    """Compare two sets of finished controls, [B, channels, N] by group."""
    count = len(next(iter(asked.values())))
    pieces = {metric: np.full(count, np.nan) for metric in METRICS}
    for control in sketch_controls(config):
        a, b = made[control.kind][:, 1:], asked[control.kind][:, 1:]
        if isinstance(control, LoudnessControl):
            levels = [(x.numpy(), y.numpy()) for x, y in zip(control.level(a), control.level(b), strict=True)]
            pieces["loudness_correlation"] = np.array([_correlation(x, y) for x, y in levels])
            pieces["loudness_error_db"] = np.array([np.abs(x - y).mean() for x, y in levels])
        elif isinstance(control, PitchControl):
            classes = np.round(np.arange(control.values) * 12 / control.bins_per_octave).astype(int) % 12
            fold = (classes[None] == np.arange(12)[:, None]).astype(np.float32)
            pieces["bin_recall"] = np.array([_recall(x > 0, y > 0) for x, y in zip(a.numpy(), b.numpy(), strict=True)])
            pieces["class_recall"] = np.array([_recall(fold @ x > 0, fold @ y > 0) for x, y in zip(a.numpy(), b.numpy(), strict=True)])
    means = {metric: _mean(values) for metric, values in pieces.items()}
    errors = {metric: _standard_error(values) for metric, values in pieces.items()}
    return Followed(subject, **means, errors=errors)


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's r; NaN for a constant, which follows nothing and cannot be followed."""
    a, b = a - a.mean(), b - b.mean()
    norm = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / norm if norm > 1e-6 else float("nan")


def _recall(made: np.ndarray, asked: np.ndarray) -> float:
    """Of the bins that were asked for, the share that sounds."""
    return float((made & asked).sum() / asked.sum()) if asked.any() else float("nan")


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


def _standard_error(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.std(ddof=1) / np.sqrt(len(known))) if len(known) > 1 else float("nan")
