"""What a musician does with the plugin for half an hour: every knob that moves while it plays, the pedal, the note and new prompts."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.stage_host import Event

TURN_SECONDS = 7.0
PROMPTS = (
    "ambient in E major, 68 bpm, with bright pad and acoustic bass",
    "jazz in G minor, 138 bpm, with saxophone, piano, acoustic bass and drums",
    "techno with synth bass and drums",
    "classical strings and flute",
)
WET = {"at": 0, "parameter": "Mix", "value": 1}

Turn = Callable[[float, int], list[Event]]


def _knob(at: float, name: str, value: float) -> Event:
    return {"at": at, "parameter": name, "value": value}


def _there_and_back(name: str, away: float, home: float) -> Turn:
    return lambda at, _: [_knob(at, name, away), _knob(at + 5, name, home)]


def _sweep(at: float, number: int) -> list[Event]:
    """A slow automation of the crossfade, to the other end every time."""
    return [_knob(at + 0.05 * i, "Crossfade", i / 100 if number % 2 == 0 else 1 - i / 100) for i in range(101)]


def _pedal(at: float, _: int) -> list[Event]:
    return [{"at": at, "midi": [0xB0, 64, 127]}, {"at": at + 4, "midi": [0xB0, 64, 0]}]


def _note(at: float, _: int) -> list[Event]:
    return [{"at": at, "midi": [0x90, 36, 100]}, {"at": at + 0.2, "midi": [0x80, 36, 0]}]


def _prompts(at: float, number: int) -> list[Event]:
    return [{"at": at, "state": {"prompts.a": PROMPTS[number % len(PROMPTS)], "prompts.b": PROMPTS[(number + 1) % len(PROMPTS)]}}]


def _seed(at: float, number: int) -> list[Event]:
    return [_knob(at, "Seed", number % 100 / 9999)]


TURNS: tuple[Turn, ...] = (
    _sweep,
    _there_and_back("Pitch", 0, 1),
    _prompts,
    _there_and_back("Loudness", 0.3, 1),
    _pedal,
    _there_and_back("Context drop", 1, 0.7),
    _sweep,
    _there_and_back("Feedback", 0.5, 1),
    _seed,
    _there_and_back("Input gain", 0.7, 60 / 72),
    _note,
    _there_and_back("Freeze", 1, 0),
)


def score(seconds: float) -> list[Event]:
    """Events for the host's script, a turn every seven seconds; wet sound alone, so that seams are not covered."""
    events: list[Event] = [WET]
    for number in range(int(seconds / TURN_SECONDS) - 1):
        events += TURNS[number % len(TURNS)]((number + 1) * TURN_SECONDS, number // len(TURNS))
    return events
