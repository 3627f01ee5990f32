"""What a prompt asks for, in the judge's terms, and how much of it the judge hears."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from lmdm_train.data.styles import PROGRAM_NAMES, STYLES
from lmdm_train.evaluate.judge import QUESTIONS, SAMPLE_RATE, SECONDS, Judge

Asked = Mapping[str, str]

PROGRAMS: dict[str, set[str]] = {
    "lead": {PROGRAM_NAMES[program] for style in STYLES for program in style.leads},
    "chords": {PROGRAM_NAMES[program] for style in STYLES for program in style.chords},
    "bass": {PROGRAM_NAMES[program] for style in STYLES for program in style.bass},
}


def asked_by(prompt: str) -> dict[str, str]:
    """Answers that the words of a prompt ask for; questions that it leaves open, or answers in a way unknown to the judge, are missing.

    An instrument that more than one part can play counts for the first of lead and chords that it can be and that is still open.
    """
    text, found = prompt.lower(), {}
    for style in STYLES:
        if _has(text, style.name):
            found["style"] = style.name
    if _has(text, "without drums"):
        found["drums"] = "none"
    elif _has(text, "drums"):
        found["drums"] = "drums"
    for name in _longest_first(text):
        role = next((role for role, names in PROGRAMS.items() if name in names and role not in found), None)
        if role is not None:
            found[role] = name
    return found


def _longest_first(text: str) -> list[str]:
    """Instruments of a prompt in the order in which it names them; "electric piano" is no "piano"."""
    places: list[tuple[int, str]] = []
    for name in sorted(PROGRAM_NAMES.values(), key=len, reverse=True):
        for match in re.finditer(rf"\b{name}\b", text):
            places.append((match.start(), name))
        text = re.sub(rf"\b{name}\b", lambda match: "_" * len(match[0]), text)
    return [name for _, name in sorted(places)]


def _has(text: str, words: str) -> bool:
    return re.search(rf"\b{words}\b", text) is not None


def differing(a: Asked, b: Asked) -> list[str]:
    """Questions that both answer, and answer differently."""
    return [question for question in QUESTIONS if question in a and question in b and a[question] != b[question]]


def agreement(probabilities: Mapping[str, Tensor], asked: Asked, questions: Sequence[str]) -> Tensor:
    """Mean probability of what is asked, over the questions: [windows] each -> [windows]."""
    return torch.stack([probabilities[question][:, QUESTIONS[question].index(asked[question])] for question in questions]).mean(0)


def hear_windows(judge: Judge, audio: Tensor, hop: float) -> list[dict[str, Tensor]]:
    """Mono audio [B, samples] -> for each item, probabilities [windows, choices] by question, of SECONDS every `hop` seconds."""
    length, step = int(SECONDS * SAMPLE_RATE), int(hop * SAMPLE_RATE)
    return [judge.probabilities(item.unfold(0, length, step)) for item in audio]
