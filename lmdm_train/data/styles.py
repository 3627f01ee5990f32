"""Styles that the composer knows: tempi, General MIDI programs, drum and bass figures, harmony."""

from __future__ import annotations

from dataclasses import dataclass

KICK, SNARE, CLAP, CLOSED_HAT, OPEN_HAT, RIDE, CRASH = 36, 38, 39, 42, 46, 51, 49

PROGRAM_NAMES = {
    0: "piano",
    4: "electric piano",
    7: "clavinet",
    11: "vibraphone",
    18: "organ",
    25: "acoustic guitar",
    28: "muted guitar",
    30: "distorted guitar",
    32: "acoustic bass",
    33: "electric bass",
    36: "slap bass",
    38: "synth bass",
    48: "strings",
    61: "brass",
    66: "saxophone",
    73: "flute",
    80: "square lead",
    81: "saw lead",
    88: "bright pad",
    89: "warm pad",
}


@dataclass(frozen=True)
class Style:
    """One style. Drum figures map a drum note to the sixteenth steps of a bar on which it sounds.

    `bass_steps` and `chord_steps` are (step, length in sixteenths); `swing` delays off-beat eighths by that share of a sixteenth.
    """

    name: str
    bpm: tuple[int, int]
    minor: float
    chords: tuple[int, ...]
    bass: tuple[int, ...]
    leads: tuple[int, ...]
    drums: dict[int, tuple[int, ...]]
    bass_steps: tuple[tuple[int, int], ...]
    chord_steps: tuple[tuple[int, int], ...]
    lead_density: float
    swing: float = 0.0
    walking: bool = False


STYLES: tuple[Style, ...] = (
    Style("ambient", (66, 80), 0.4, (88, 89, 48), (32, 38), (73, 11), {}, ((0, 16),), ((0, 16),), 0.16),
    Style(
        "techno",
        (124, 132),
        0.9,
        (80, 88),
        (38,),
        (81, 80),
        {KICK: (0, 4, 8, 12), CLAP: (4, 12), OPEN_HAT: (2, 6, 10, 14), CLOSED_HAT: (0, 1, 4, 5, 8, 9, 12, 13)},
        ((2, 1), (3, 1), (6, 2), (10, 1), (11, 1), (14, 2)),
        ((0, 2), (3, 2), (6, 2), (11, 2)),
        0.4,
    ),
    Style(
        "pop",
        (94, 112),
        0.3,
        (0, 25, 4),
        (33,),
        (81, 73),
        {KICK: (0, 6, 8), SNARE: (4, 12), CLOSED_HAT: (0, 2, 4, 6, 8, 10, 12, 14)},
        ((0, 4), (6, 2), (8, 4), (14, 2)),
        ((0, 4), (4, 4), (8, 4), (12, 4)),
        0.35,
    ),
    Style(
        "funk",
        (98, 110),
        0.7,
        (7, 28),
        (36,),
        (61, 66),
        {KICK: (0, 3, 10), SNARE: (4, 7, 12), CLOSED_HAT: (0, 2, 4, 6, 8, 10, 12, 14, 15)},
        ((0, 2), (3, 1), (6, 1), (7, 1), (10, 2), (13, 1)),
        ((2, 1), (5, 1), (6, 1), (10, 1), (13, 1), (14, 1)),
        0.3,
    ),
    Style(
        "jazz",
        (120, 144),
        0.4,
        (0, 11),
        (32,),
        (66, 73),
        {RIDE: (0, 4, 6, 8, 12, 14), CLOSED_HAT: (4, 12)},
        ((0, 4), (4, 4), (8, 4), (12, 4)),
        ((0, 3), (6, 2)),
        0.4,
        swing=0.6,
        walking=True,
    ),
    Style(
        "rock",
        (112, 136),
        0.6,
        (30,),
        (33,),
        (30, 18),
        {KICK: (0, 2, 8, 10), SNARE: (4, 12), CLOSED_HAT: (0, 2, 4, 6, 8, 10, 12, 14), CRASH: ()},
        ((0, 2), (2, 2), (4, 2), (6, 2), (8, 2), (10, 2), (12, 2), (14, 2)),
        ((0, 4), (4, 4), (8, 6), (14, 2)),
        0.25,
    ),
)

KEYS = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
MAJOR, MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10)
PROGRESSIONS = {
    "major": ((0, 4, 5, 3), (0, 5, 3, 4), (0, 3, 4, 4), (1, 4, 0, 0)),
    "minor": ((0, 5, 2, 6), (0, 3, 5, 4), (0, 6, 5, 6), (0, 0, 3, 4)),
}


def style_named(name: str) -> Style:
    """The style of that name; raises KeyError."""
    return {style.name: style for style in STYLES}[name]
