"""The round trip, measured: from a click in the input to the first sample that would have been another without it."""

from __future__ import annotations

from typing import Any

import click
import numpy as np

from benchmarks.stage_host import Audio, Event, Performance, Performed, Stage
from benchmarks.stage_score import WET

FADE_SECONDS = 0.005
GIVEN_HEADROOM = {"at": 0, "parameter": "Headroom", "value": 0.4}
GIVEN_SECONDS = 0.1
CLICK_SECONDS = 0.01
WARM_UP_BLOCKS = 4
TRIES = 3
# What differs by less is rounding.
SEEN = 1e-4


def measure(stage: Stage, block_seconds: float, codec_seconds: float, positions: int) -> dict[str, Any]:
    """Time from a click at several places of a block to its answer, and what the reported latency is made of.

    The first click is at the beginning of a block and waits for all of it: its answer is the round trip.

    Raises:
        click.ClickException: the music stopped, so that two performances cannot be compared.
    """
    places = [(WARM_UP_BLOCKS + (i + 0.002) / positions) * block_seconds for i in range(positions)]
    seconds = (WARM_UP_BLOCKS + 5) * block_seconds
    without = _perform(stage, "without", seconds, None)
    skipped = round((WARM_UP_BLOCKS - 2) * block_seconds * stage.rate)
    clicked = [_perform(stage, f"click-{i}", seconds, place) for i, place in enumerate(places)]
    answers = [_answer(stage, without, performed, place, skipped) for performed, place in zip(clicked, places, strict=True)]
    given = _given_headroom(stage)
    call, total = stage.block / stage.rate, clicked[0].latency / stage.rate
    resampler = given / stage.rate - block_seconds - GIVEN_SECONDS - call - codec_seconds - FADE_SECONDS
    return {
        "reported_ms": _ms(total),
        "measured_ms": answers[0]["after_ms"],
        "answers": answers,
        "parts_ms": {
            "block": _ms(block_seconds),
            "headroom": _ms(total - given / stage.rate + GIVEN_SECONDS),
            "call": _ms(call),
            "codec": _ms(codec_seconds),
            "resamplers": _ms(resampler),
            "fade": _ms(FADE_SECONDS),
        },
        "block_ms": without.journal[-1]["block_ms"],
    }


def _perform(stage: Stage, name: str, seconds: float, place: float | None) -> Performed:
    sound = np.zeros((round((seconds + 1) * stage.rate), 2), np.float32)
    if place is not None:
        begin = round(place * stage.rate)
        sound[begin : begin + round(CLICK_SECONDS * stage.rate)] = 0.9
    for _ in range(TRIES):
        performed = Performance(stage, name, seconds, sound, [WET]).wait()
        if performed.count("underruns") == 0:
            return performed
    raise click.ClickException("the music stopped whenever the round trip was measured; end other programs, and run it again")


def _answer(stage: Stage, without: Performed, performed: Performed, place: float, skipped: int) -> dict[str, float]:
    """Both are compared from the same block of their own music on: headroom is measured each time, and the first block may fade in."""
    found, plain = _music(performed, skipped), _music(without, skipped)
    count = min(len(found), len(plain))
    apart = np.abs(found[:count] - plain[:count])
    if apart.max() < SEEN:
        raise click.ClickException("a click changed nothing in the music; is the instrument one that follows a sketch?")
    first = int(np.flatnonzero(apart > SEEN * apart.max())[0]) + skipped + performed.latency
    return {
        "click_ms": _ms(place),
        "reported_ms": _ms(performed.latency / stage.rate),
        "after_ms": _ms((first - round(place * stage.rate)) / stage.rate),
    }


def _music(performed: Performed, skipped: int) -> Audio:
    return np.concatenate([audio for _, audio in performed.pieces()])[performed.latency + skipped :]


def _given_headroom(stage: Stage) -> int:
    """Samples of latency where the headroom is known; the plugin has another engine for it a little later."""
    events: list[Event] = [GIVEN_HEADROOM]
    silence = np.zeros((stage.rate, 2), np.float32)
    return Performance(stage, "headroom", 8, silence, events).wait().latency


def _ms(seconds: float) -> float:
    return round(1000 * seconds, 2)
