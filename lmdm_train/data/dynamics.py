"""Gain curves that give music of an even level dynamics to learn from: drawn from a seed, the same wherever they are drawn.

Rendered and mastered music hardly varies in level, so a network cannot learn from it what a loudness sketch asks for.
"""

from __future__ import annotations

import dataclasses
import hashlib
import random
from collections.abc import Sequence

import numpy as np
from scipy.interpolate import PchipInterpolator

from lmdm_train.data.layouts import Piece

LOWEST_DB, HIGHEST_DB = -30.0, 0.0
REST_DB, SILENCE_DB = -60.0, -90.0
"""Levels of a rest; what lies within 1 dB of the lower one is exact silence."""
EDGE_SECONDS = 0.02
SHORTEST, LONGEST = 0.3, 4.0
SWELL, FAR_DB = 2.0, 5.0
"""A crescendo or decrescendo lasts this many seconds at least and ends this close to the loudest or quietest level."""
LONGEST_REST = 1.0
REST_SHARE = 0.37
"""Share of what follows a note that is a rest: about a tenth of the time."""
CURVES = 1
"""Counts up with every change of what a seed draws, so that items under older curves are encoded again."""
BLOCK = 1 << 20


def with_dynamics(pieces: Sequence[Piece], versions: int) -> list[Piece]:
    """Each piece, followed by `versions` of it under gain curves, with ids `ID.d1`, `ID.d2`, ...; metadata name the curve's seed."""
    taken = {piece.id for piece in pieces}
    made: list[Piece] = []
    for piece in pieces:
        made.append(piece)
        for version in range(1, versions + 1):
            item = f"{piece.id}.d{version}"
            while item in taken:
                item += "-dynamics"
            taken.add(item)
            seed = curve_seed(piece.id, version)
            metadata = piece.metadata | {"dynamics": seed}
            made.append(dataclasses.replace(piece, id=item, metadata=metadata, dynamics=seed, version_of=piece.id))
    return made


def curve_seed(item: str, version: int) -> int:
    """Seed of a version of a piece, 48 bits, so that every reader of JSON reads it whole."""
    return int.from_bytes(hashlib.sha256(f"{CURVES}/{version}/{item}".encode()).digest()[:6], "big")


def breakpoints(seed: int, seconds: float) -> tuple[list[float], list[float]]:
    """Times in seconds, from 0 to `seconds` or later, and levels in dB of a curve: -30 to 0 dB, and rests of -60 dB or silence."""
    rng = random.Random(seed)
    times, levels = [0.0], [rng.uniform(LOWEST_DB, HIGHEST_DB)]

    def add(after: float, level: float) -> None:
        times.append(times[-1] + after)
        levels.append(level)

    def length(longest: float = LONGEST) -> float:
        return rng.uniform(SHORTEST, longest)

    add(length(), levels[-1])
    while times[-1] < seconds:
        if rng.random() < REST_SHARE:
            add(EDGE_SECONDS, rng.choice((REST_DB, SILENCE_DB)))
            add(length(LONGEST_REST), levels[-1])
            add(EDGE_SECONDS, rng.uniform(LOWEST_DB, HIGHEST_DB))
            add(length(), levels[-1])
            continue
        kind = rng.choice(("hold", "ramp", "swell", "jump"))
        if kind == "hold":
            add(length(), levels[-1])
        elif kind == "ramp":
            add(length(), rng.uniform(LOWEST_DB, HIGHEST_DB))
        elif kind == "swell":
            rising = levels[-1] < (LOWEST_DB + HIGHEST_DB) / 2
            target = rng.uniform(HIGHEST_DB - FAR_DB, HIGHEST_DB) if rising else rng.uniform(LOWEST_DB, LOWEST_DB + FAR_DB)
            add(rng.uniform(SWELL, LONGEST), target)
        else:
            add(EDGE_SECONDS, rng.uniform(LOWEST_DB, HIGHEST_DB))
            add(length(), levels[-1])
    return times, levels


def gain_curve(seed: int, samples: int, sample_rate: int) -> np.ndarray:
    """Gain of every sample, float32 [samples], 0 to 1: a monotone cubic in dB through the breakpoints, which never overshoots them.

    PCHIP, Fritsch and Butland 1984. A piece and its stems share a curve, so that sums of stems stay sums.
    """
    level = PchipInterpolator(*breakpoints(seed, samples / sample_rate))
    gain = np.empty(samples, dtype=np.float32)
    for start in range(0, samples, BLOCK):
        db = level(np.arange(start, min(samples, start + BLOCK)) / sample_rate)
        gain[start : start + BLOCK] = np.where(db < SILENCE_DB + 1, 0.0, 10 ** (np.minimum(db, HIGHEST_DB) / 20))
    return gain
