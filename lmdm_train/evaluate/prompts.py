"""Does an instrument follow its prompt? The judge's answers to what was asked, against the same answers to shuffled prompts."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from torch import Tensor

from lmdm_train.data.compose import compose
from lmdm_train.evaluate.asked import asked_by
from lmdm_train.evaluate.judge import QUESTIONS, SAMPLE_RATE, SECONDS, Judge
from lmdm_train.evaluate.play import play_frames, sound
from lmdm_train.model.instrument import Instrument

# Seeds of prompts lie beyond those of any rendered piece, so that no prompt with its key and tempo was trained on as such.
FIRST_PROMPT_SEED = 1_000_002


@dataclass(frozen=True)
class Followed:
    """Share of windows whose answer is what the prompt asked for, and what was asked of another piece (the control)."""

    question: str
    asked: float
    shuffled: float
    chance: float


def wanted(seed: int) -> tuple[str, dict[str, str]]:
    """A prompt from the composer and what it asks for."""
    piece = compose(seed)
    named = {stem.role: stem.instrument for stem in piece.stems}
    return piece.caption, {"style": piece.style, **{role: named.get(role, "none") for role in ("lead", "chords", "bass", "drums")}}


def play(instrument: Instrument, prompt: str, *, blocks: int, seed: int) -> Tensor:
    """Mono audio [samples] of `blocks` blocks from a null context, every control absent."""
    return sound(instrument, play_frames(instrument, [prompt], blocks, seed=seed))[0]


def prompt_following(
    instrument: Instrument, judge: Judge, *, prompts: int = 24, blocks: int = 32, on_prompt: Callable[[int], None] = lambda done: None
) -> list[Followed]:
    """Play `prompts` prompts, styles in turn, and let the judge answer for every whole three seconds after the first three."""
    length = int(SECONDS * SAMPLE_RATE)
    asked, given = [], []
    for index in range(prompts):
        prompt, want = wanted(FIRST_PROMPT_SEED + index)
        audio = play(instrument, prompt, blocks=blocks, seed=index)
        asked.append(want)
        given.append(judge.answer(_whole_windows(audio[length:])))
        on_prompt(index + 1)
    return [_score(question, asked, given) for question in QUESTIONS]


def follow(judge: Judge, captions: Sequence[str], audio: Tensor) -> list[Followed]:
    """The same of music that has been played already, [B, samples], for whole captions: what they do not name shall not sound."""
    asked = [{**dict.fromkeys(QUESTIONS, "none"), **asked_by(caption)} for caption in captions]
    given = [judge.answer(_whole_windows(item[int(SECONDS * SAMPLE_RATE) :])) for item in audio]
    return [_score(question, asked, given) for question in QUESTIONS]


def _whole_windows(audio: Tensor) -> Tensor:
    """[samples] -> [windows, SECONDS * SAMPLE_RATE]."""
    length = int(SECONDS * SAMPLE_RATE)
    return audio[: len(audio) // length * length].reshape(-1, length)


def _score(question: str, asked: Sequence[dict[str, str]], given: Sequence[list[dict[str, str]]]) -> Followed:
    rng = random.Random(0)
    order = list(range(len(asked)))
    rng.shuffle(order)
    truth = [want[question] for want in asked]

    def share(wants: Sequence[str]) -> float:
        hits = [answer[question] == want for want, answers in zip(wants, given, strict=True) for answer in answers]
        return sum(hits) / len(hits)

    commonest = max(truth.count(value) for value in truth) / len(truth)
    return Followed(question, share(truth), share([truth[i] for i in order]), commonest)


def as_rows(followed: Sequence[Followed]) -> list[dict[str, float | str]]:
    """For JSON."""
    return [{key: round(value, 3) if isinstance(value, float) else value for key, value in asdict(item).items()} for item in followed]
