"""Small multi-stem pieces composed from a seed: chords, bass, drums and lead, with a caption of what was composed."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from lmdm_train.data.styles import CLOSED_HAT, KEYS, MAJOR, MINOR, PROGRAM_NAMES, PROGRESSIONS, STYLES, Style

STEPS_PER_BAR = 16


@dataclass(frozen=True)
class Note:
    """One note; start and length in quarter-note beats, pitch and velocity as in MIDI."""

    start: float
    length: float
    pitch: int
    velocity: int


@dataclass(frozen=True)
class Stem:
    """Notes of one instrument; drums use MIDI channel 10 and have no program."""

    role: str
    program: int
    notes: tuple[Note, ...]

    @property
    def is_drum(self) -> bool:
        return self.role == "drums"

    @property
    def instrument(self) -> str:
        return "drums" if self.is_drum else PROGRAM_NAMES[self.program]


@dataclass(frozen=True)
class Piece:
    """A composed piece: attributes, caption and stems."""

    seed: int
    style: str
    key: str
    mode: str
    bpm: int
    bars: int
    stems: tuple[Stem, ...] = field(repr=False)

    @property
    def seconds(self) -> float:
        return self.bars * 4 * 60 / self.bpm

    @property
    def caption(self) -> str:
        """For example "techno in A minor, 128 bpm, with saw lead, bright pad, synth bass and drums"."""
        names = [stem.instrument for role in ("lead", "chords", "bass", "drums") for stem in self.stems if stem.role == role]
        listed = names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
        return f"{self.style} in {self.key} {self.mode}, {self.bpm} bpm, with {listed}"


def _pitch(tonic: int, scale: tuple[int, ...], degree: int, octave: int) -> int:
    return tonic + scale[degree % 7] + 12 * (octave + degree // 7)


def _beat(bar: int, step: int, swing: float) -> float:
    late = swing / 4 if step % 4 == 2 else 0.0
    return bar * 4 + step / 4 + late


def _drums(rng: random.Random, style: Style, bars: int) -> tuple[Note, ...]:
    notes = []
    for bar in range(bars):
        for drum, steps in style.drums.items():
            for step in steps:
                accent = 12 if step % 4 == 0 else 0
                level = 72 if drum == CLOSED_HAT else 98
                notes.append(Note(_beat(bar, step, style.swing), 0.2, drum, min(127, level + accent + rng.randint(-5, 5))))
    return tuple(notes)


def _bass(
    rng: random.Random, style: Style, bars: int, tonic: int, scale: tuple[int, ...], progression: tuple[int, ...]
) -> tuple[Note, ...]:
    notes = []
    for bar in range(bars):
        root = progression[bar % len(progression)]
        for index, (step, length) in enumerate(style.bass_steps):
            degree = root + (rng.choice((0, 2, 4, 6))) * (index > 0) if style.walking else root
            octave = 3 + (0 if style.walking else rng.choice((0, 0, 0, 1)) * (index % 2))
            pitch = _pitch(tonic, scale, degree, octave) - (12 if tonic > 6 else 0)
            notes.append(Note(_beat(bar, step, style.swing), length / 4 * 0.9, pitch, 96 + rng.randint(-6, 6)))
    return tuple(notes)


def _chords(
    rng: random.Random, style: Style, bars: int, tonic: int, scale: tuple[int, ...], progression: tuple[int, ...]
) -> tuple[Note, ...]:
    extra = (0, 2, 4, 6) if style.name in ("jazz", "funk") else (0, 2, 4)
    notes = []
    for bar in range(bars):
        root = progression[bar % len(progression)]
        for step, length in style.chord_steps:
            for offset in extra:
                pitch = _pitch(tonic, scale, root + offset, 5)
                pitch -= 12 if pitch > 74 else 0
                notes.append(Note(_beat(bar, step, style.swing), length / 4 * 0.95, pitch, 68 + rng.randint(-5, 5)))
    return tuple(notes)


def _lead(
    rng: random.Random, style: Style, bars: int, tonic: int, scale: tuple[int, ...], progression: tuple[int, ...]
) -> tuple[Note, ...]:
    motif = [
        (step, rng.choice((2, 2, 4)))
        for step in range(0, STEPS_PER_BAR * 2, 2)
        if rng.random() < style.lead_density + (0.3 if step % 8 == 0 else 0.0)
    ]
    walk = [rng.choice((-2, -1, -1, 0, 1, 1, 2)) for _ in motif]
    notes = []
    for pair in range(0, bars, 2):
        degree = progression[pair % len(progression)] + rng.choice((0, 2, 4))
        for (step, length), move in zip(motif, walk, strict=True):
            degree = max(-2, min(10, degree + move))
            bar = pair + step // STEPS_PER_BAR
            if bar < bars:
                notes.append(
                    Note(
                        _beat(bar, step % STEPS_PER_BAR, style.swing),
                        length / 4 * 0.9,
                        _pitch(tonic, scale, degree, 6) - (12 if tonic > 6 else 0),
                        92 + rng.randint(-8, 8),
                    )
                )
    return tuple(notes)


def compose(seed: int, *, seconds: float = 24.0) -> Piece:
    """Compose one piece of at least `seconds` seconds in whole bars. The same seed gives the same piece."""
    rng = random.Random(seed)
    style = STYLES[seed % len(STYLES)]
    bpm = rng.randint(style.bpm[0] // 2, style.bpm[1] // 2) * 2
    mode = "minor" if rng.random() < style.minor else "major"
    tonic = rng.randrange(12)
    scale = MINOR if mode == "minor" else MAJOR
    progression = rng.choice(PROGRESSIONS[mode])
    bars = -(-int(seconds * bpm) // 240)
    stems = [
        Stem("chords", rng.choice(style.chords), _chords(rng, style, bars, tonic, scale, progression)),
        Stem("bass", rng.choice(style.bass), _bass(rng, style, bars, tonic, scale, progression)),
    ]
    if rng.random() < 0.75:
        stems.append(Stem("lead", rng.choice(style.leads), _lead(rng, style, bars, tonic, scale, progression)))
    if style.drums and rng.random() < 0.9:
        stems.append(Stem("drums", 0, _drums(rng, style, bars)))
    return Piece(seed, style.name, KEYS[tonic], mode, bpm, bars, tuple(stems))
