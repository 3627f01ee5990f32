"""Prompt transitions: one prompt is cross-faded with another, and the judge follows which of them it hears (paper §6.1, Fig. 5)."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lmdm_train.data.styles import STYLES
from lmdm_train.errors import LmdmTrainError
from lmdm_train.evaluate.asked import Asked, agreement, asked_by, differing, hear_windows
from lmdm_train.evaluate.curves import jackknife_error
from lmdm_train.evaluate.judge import QUESTIONS, SECONDS, Judge
from lmdm_train.evaluate.play import OnBlock, play_frames, sound
from lmdm_train.evaluate.prompts import FIRST_PROMPT_SEED, wanted
from lmdm_train.model.instrument import Instrument
from lmdm_train.rollout.prompts import PromptTimeline

HOP = 1.0
Pair = tuple[str, str]


@dataclass(frozen=True)
class Fade:
    """Blocks of the first prompt alone, of the cross-fade, and of the second prompt alone."""

    before: int
    during: int
    after: int

    @property
    def blocks(self) -> int:
        return self.before + self.during + self.after

    def weight(self, block: int) -> float:
        """Of the second prompt: a straight line from 0 to 1."""
        return float(np.clip((block - self.before + 1) / (self.during + 1), 0, 1))

    def timeline(self, pair: Pair) -> PromptTimeline:
        """The mix of every block. Where the second prompt outweighs the first, the rollout drops context, once (`drop` of the model)."""
        a, b = pair
        mixes = {block: ((a, 1 - self.weight(block)), (b, self.weight(block))) for block in range(self.before, self.before + self.during)}
        return PromptTimeline({0: a, **mixes, self.before + self.during: b})


@dataclass(frozen=True)
class Transition:
    """Mean over the pairs of how much of each prompt is heard, in windows of three seconds.

    Attributes:
        times: centres of the windows, in seconds after the middle of the cross-fade.
        first, second: similarity to the prompt that is left and to the one that comes.
        third: the same for an answer that neither asks for (the control).
        errors: standard errors of `second`.
        weight: of the second prompt over the same windows.
        crossing: when the second is first heard better than the first, for good, in seconds after the middle; NaN if never.
        left_out: pairs of which the judge can tell nothing apart.
    """

    name: str
    times: np.ndarray
    first: np.ndarray
    second: np.ndarray
    third: np.ndarray
    errors: np.ndarray
    weight: np.ndarray
    crossing: float
    pairs: int
    left_out: int

    def as_json(self) -> dict[str, Any]:
        curves = {key: value.tolist() for key, value in vars(self).items() if isinstance(value, np.ndarray)}
        return {**self.summary(), "curves": curves}

    def summary(self) -> dict[str, float | int | str]:
        """Similarity before and after, each over the quarter of the windows at its end of the piece."""
        quarter = max(1, len(self.times) // 4)
        ends = {
            f"{what}_{when}": float(curve[part].mean())
            for what, curve in (("first", self.first), ("second", self.second), ("third", self.third))
            for when, part in (("at_start", slice(None, quarter)), ("at_end", slice(-quarter, None)))
        }
        return {"model": self.name, **ends, "crossing_s": self.crossing, "pairs": self.pairs, "left_out": self.left_out}


def composed_pairs(count: int) -> list[Pair]:
    """Prompts of the composer that nothing was trained on, two styles in each pair, all pairs of styles in turn."""
    pairs = []
    for index in range(count):
        shift = 1 + index // len(STYLES) % (len(STYLES) - 1)
        second = FIRST_PROMPT_SEED + 6 * (count + index) + (index + shift) % len(STYLES)
        pairs.append((wanted(FIRST_PROMPT_SEED + index)[0], wanted(second)[0]))
    return pairs


def read_pairs(path: Path) -> list[Pair]:
    """Columns `prompt_a` and `prompt_b` of a CSV file.

    Raises:
        LmdmTrainError: the file is no such CSV, or empty.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [(row["prompt_a"], row["prompt_b"]) for row in csv.DictReader(file)]
    except (OSError, UnicodeDecodeError, csv.Error) as failure:
        raise LmdmTrainError(f"{path} cannot be read as CSV ({failure}); expected the columns prompt_a and prompt_b") from None
    except KeyError as missing:
        raise LmdmTrainError(f"{path} has no column {missing}; expected the columns prompt_a and prompt_b") from None
    if not rows or not all(a and b for a, b in rows):
        raise LmdmTrainError(f"{path} holds {len(rows)} pairs, some of them empty, or none; expected the columns prompt_a and prompt_b")
    return rows


def transition(name: str, judge: Judge, pairs: Sequence[Pair], audio: Tensor, fade: Fade, block_seconds: float) -> Transition:
    """Similarity to either prompt over time: mean probability of what it asks for, over the questions that tell the two apart.

    Args:
        audio: [pairs, samples] at the judge's rate, played with `fade.timeline`.

    Raises:
        LmdmTrainError: the judge can tell no pair apart.
    """
    asked = [(asked_by(a), asked_by(b)) for a, b in pairs]
    told = [index for index, (a, b) in enumerate(asked) if differing(a, b)]
    if not told:
        raise LmdmTrainError(
            f"the judge can tell none of {len(pairs)} pairs of prompts apart, since they name no style, instrument or drums that it knows; "
            "play them and compare with CLAP instead: lmdm evaluate external clap"
        )
    heard = [_heard(judge, audio[index], *asked[index]) for index in told]
    first, second, third = (np.stack([item[row] for item in heard]) for row in range(3))
    left_out = np.stack([np.delete(second, i, axis=0).mean(0) for i in range(len(told))]) if len(told) > 1 else second * np.nan
    times = np.arange(first.shape[1]) * HOP + SECONDS / 2
    middle = (fade.before + fade.during / 2) * block_seconds
    return Transition(
        name,
        times - middle,
        first.mean(0),
        second.mean(0),
        third.mean(0),
        jackknife_error(left_out),
        np.array([np.mean([fade.weight(int(at / block_seconds)) for at in (t - 1, t, t + 1)]) for t in times]),
        crossing(times - middle, first.mean(0), second.mean(0)),
        len(told),
        len(pairs) - len(told),
    )


def _heard(judge: Judge, audio: Tensor, a: Asked, b: Asked) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Similarity of each window to both prompts, and the mean over all answers that neither of them asks for."""
    questions = differing(a, b)
    probabilities = hear_windows(judge, audio[None], HOP)[0]
    first, second = (agreement(probabilities, wants, questions) for wants in (a, b))
    others = [
        (1 - probabilities[q][:, [QUESTIONS[q].index(a[q]), QUESTIONS[q].index(b[q])]].sum(1)) / (len(QUESTIONS[q]) - 2)
        for q in questions
        if len(QUESTIONS[q]) > 2
    ]
    third = torch.stack(others).mean(0) if others else torch.full_like(first, float("nan"))
    return first.numpy(), second.numpy(), third.numpy()


def play_transition(
    instrument: Instrument,
    name: str,
    judge: Judge,
    pairs: Sequence[Pair],
    fade: Fade,
    *,
    seed: int = 0,
    on_block: OnBlock = lambda done: None,
) -> Transition:
    """All pairs in one batch; every pair changes at the same blocks."""
    config = instrument.config
    frames = play_frames(instrument, [fade.timeline(pair) for pair in pairs], fade.blocks, seed=seed, on_block=on_block)
    block = config.layout.block * config.codec.frame_size / config.codec.sample_rate
    return transition(name, judge, pairs, sound(instrument, frames), fade, block)


def crossing(times: np.ndarray, first: np.ndarray, second: np.ndarray) -> float:
    """When the second curve passes the first for good, between samples by a straight line; NaN when it is not above at the end."""
    ahead = second - first
    if ahead[-1] <= 0:
        return float("nan")
    behind = np.flatnonzero(ahead <= 0)
    if not len(behind):
        return float(times[0])
    last = behind[-1]
    share = -ahead[last] / (ahead[last + 1] - ahead[last])
    return float(times[last] + share * (times[last + 1] - times[last]))
