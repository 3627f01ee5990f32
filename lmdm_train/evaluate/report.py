"""Everything that is measured of several models, from as few rollouts as will do: one long one serves quality, prompts and drift."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lmdm_train.control import AccompanimentControl
from lmdm_train.control.sketch import sketch_controls
from lmdm_train.evaluate.accompaniment import Coherence, Scale, StemPairs
from lmdm_train.evaluate.accompany import after_context, play_along, visibilities
from lmdm_train.evaluate.curves import Curve, Windows
from lmdm_train.evaluate.drift import Yardstick, drift_curves
from lmdm_train.evaluate.features import Extractor, JudgeFeatures, LogMelStatistics
from lmdm_train.evaluate.judge import SAMPLE_RATE, Judge
from lmdm_train.evaluate.longplay import play_long, same_codec, yardstick
from lmdm_train.evaluate.models import Model
from lmdm_train.evaluate.play import OnBlock, blocks_of
from lmdm_train.evaluate.prompts import Followed as PromptFollowed
from lmdm_train.evaluate.prompts import follow
from lmdm_train.evaluate.quality import Distance, Features, RealSets, distances, extract
from lmdm_train.evaluate.real import held_out_tracks
from lmdm_train.evaluate.sketch import Followed as SketchFollowed
from lmdm_train.evaluate.sketch import Sketches, play_sketches, sketch_following
from lmdm_train.evaluate.transitions import Fade, Transition, composed_pairs, play_transition
from lmdm_train.model.instrument import Instrument

# A label and a number of steps -> a bar for the time that something takes.
Bar = Callable[[str, int], AbstractContextManager[OnBlock]]


@dataclass(frozen=True)
class Plan:
    """How much is played. The defaults take a few minutes on one core for three models like the default instrument."""

    seconds: float = 120.0
    pieces: int = 6
    window: float = 10.0
    hop: float = 2.0
    quality_seconds: float = 20.0
    sketch_seconds: float = 10.0
    fade_seconds: tuple[float, float, float] = (6.0, 6.0, 9.0)
    primed: bool = False
    seed: int = 0


@dataclass
class Measured:
    """What was found of one model. `speed` is seconds of music for each second of the long rollout's network time."""

    name: str
    settings: dict[str, Any]
    speed: float
    distances: list[Distance]
    prompts: list[PromptFollowed]
    drift: list[Curve]
    transition: Transition
    sketch: list[SketchFollowed] = field(default_factory=list)
    accompaniment: list[tuple[float, Coherence]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "settings": self.settings,
            "speed": self.speed,
            "distances": [asdict(row) for row in self.distances],
            "prompts": [asdict(row) for row in self.prompts],
            "drift": [item.as_json() for item in self.drift],
            "transition": self.transition.as_json(),
            "sketch": [asdict(row) for row in self.sketch],
            "accompaniment": [{"t_f_seconds": at, **asdict(row)} for at, row in self.accompaniment],
        }


@dataclass
class Report:
    """All models, and the real music that they are held against."""

    plan: Plan
    yardsticks: list[Distance]
    models: list[Measured]

    def as_json(self) -> dict[str, Any]:
        return {
            "plan": asdict(self.plan),
            "real_music": [asdict(row) for row in self.yardsticks],
            "models": [model.as_json() for model in self.models],
        }


class Reporter:
    """Reads real music once for all models that share a codec.

    Raises (in `measure`):
        LmdmTrainError: a checkpoint cannot be read, or there is too little music.
    """

    def __init__(self, music: Path, judge: Judge, plan: Plan, bar: Bar) -> None:
        self.music, self.judge, self.plan, self.bar = music, judge, plan, bar
        self.extractors: list[Extractor] = [LogMelStatistics(), JudgeFeatures(judge)]
        self.yardsticks: list[Distance] = []
        self._instrument: Instrument | None = None

    def report(self, models: Sequence[Model], device: str) -> Report:
        found = [self.measure(model.name, model.load(device)) for model in models]
        return Report(self.plan, self.yardsticks, found)

    def measure(self, name: str, instrument: Instrument) -> Measured:
        plan, config = self.plan, instrument.config
        real, references = self._real(instrument)
        with self.bar(f"{name}: {plan.seconds:.0f} s", blocks_of(config, plan.seconds)) as tick:
            began = time.perf_counter()
            played = play_long(
                instrument, real, pieces=plan.pieces, seconds=plan.seconds, primed=plan.primed, seed=plan.seed, on_block=tick
            )
            speed = plan.pieces * played.seconds / (time.perf_counter() - began)
        beginning = played.audio[:, : int(self._seconds * SAMPLE_RATE)]
        return Measured(
            name,
            {**config.sampling.model_dump(), "layout": str(config.layout), "pattern": config.pattern.kind},
            speed,
            distances(name, extract(self.extractors, beginning), references),
            follow(self.judge, played.prompts, played.audio),
            drift_curves(played, real, self.judge, Windows(plan.seconds, plan.window, plan.hop)),
            self._transition(name, instrument),
            self._sketch(name, instrument),
            self._accompaniment(name, instrument),
        )

    def _real(self, instrument: Instrument) -> tuple[Yardstick, dict[str, Features]]:
        if self._instrument is None or not same_codec(self._instrument.codec, instrument.codec):
            plan, codec = self.plan, instrument.codec
            with self.bar("real music", 2) as tick:
                self._yardstick = yardstick(self.music, codec, pieces=plan.pieces, seconds=plan.window, seed=plan.seed)
                tick(1)
                sets = RealSets.read(self.music, codec, pieces=plan.pieces, seconds=plan.quality_seconds, seed=plan.seed)
                self._seconds, self._references = sets.seconds, sets.references(self.extractors)
                self.yardsticks = self.yardsticks or sets.yardsticks(self.extractors, self._references)
                tick(2)
            self._instrument = instrument
        return self._yardstick, self._references

    def _transition(self, name: str, instrument: Instrument) -> Transition:
        fade = Fade(*(blocks_of(instrument.config, seconds) for seconds in self.plan.fade_seconds))
        with self.bar(f"{name}: transitions", fade.blocks) as tick:
            pairs = composed_pairs(self.plan.pieces)
            return play_transition(instrument, name, self.judge, pairs, fade, seed=self.plan.seed, on_block=tick)

    def _sketch(self, name: str, instrument: Instrument) -> list[SketchFollowed]:
        if not sketch_controls(instrument.config):
            return []
        plan = self.plan
        sketches = Sketches.of(instrument, held_out_tracks(self.music)[: plan.pieces], seconds=plan.sketch_seconds)
        with self.bar(f"{name}: sketches", sketches.blocks) as tick:
            audio = play_sketches(instrument, sketches, prompts="shuffled", primed=plan.primed, seed=plan.seed, on_block=tick)
        return sketch_following(instrument, sketches, audio, name)

    def _accompaniment(self, name: str, instrument: Instrument) -> list[tuple[float, Coherence]]:
        config, plan = instrument.config, self.plan
        if not any(isinstance(control, AccompanimentControl) for control in config.controls):
            return []
        frame = config.codec.frame_size / config.codec.sample_rate
        seconds = plan.sketch_seconds + config.layout.context * frame
        tracks = held_out_tracks(self.music)[: plan.pieces]
        pairs = StemPairs.read(tracks, config.codec.sample_rate, config.codec.frame_size, seconds, seed=plan.seed)
        heard = after_context(pairs, config)
        scale, rows = Scale.of(heard), []
        for visibility in visibilities(config):
            with self.bar(f"{name}: t_f {visibility}", blocks_of(config, plan.sketch_seconds)) as tick:
                stems = play_along(instrument, pairs, visibility, primed=plan.primed, seed=plan.seed, on_block=tick)
            rows += [(visibility * frame, row) for row in scale.coherence(name, stems, heard)]
        return rows
