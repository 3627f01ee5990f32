"""Prompt scripts: which prompts sound from which second on.

A script is text, one entry a line: the second at which it takes over, then a prompt, or several with weights:

    0    ambient with warm pad
    8    techno in A minor, 128 bpm, with saw lead and drums
    16   techno with drums : 0.7 | jazz with saxophone : 0.3

Empty lines and lines that begin with # are skipped. A file that ends in .json holds the same as a list:
`[{"at": 0, "prompt": "ambient"}, {"at": 16, "prompts": [["techno", 0.7], ["jazz", 0.3]]}]`.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lmdm_runtime.errors import LmdmError

Mix = tuple[tuple[str, float], ...]


class ScriptError(LmdmError):
    """A prompt script that cannot be read; names the line."""


@dataclass(frozen=True)
class Cue:
    """From `second` on, the prompts of `mix` sound with their weights."""

    second: float
    mix: Mix


@dataclass(frozen=True)
class PromptScript:
    """Cues in order of time, the first at second 0."""

    cues: tuple[Cue, ...]

    def by_block(self, block_seconds: float) -> dict[int, Mix]:
        """Mixes by the index of the block in which each cue falls; of several in one block the last counts."""
        return {int(cue.second / block_seconds + 1e-9): cue.mix for cue in self.cues}


def read_prompt_script(path: str | Path) -> PromptScript:
    """Read a script.

    Raises:
        ScriptError: the file is missing, not text, has no cue at second 0, or a line that cannot be understood.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as failure:
        raise ScriptError(f"the prompt script {path} cannot be read ({failure.strerror})") from None
    except UnicodeDecodeError:
        raise ScriptError(f"the prompt script {path} is not UTF-8 text") from None
    cues = _from_json(path, text) if path.suffix == ".json" else _from_lines(path, text)
    cues.sort(key=lambda cue: cue.second)
    if not cues or cues[0].second != 0:
        found = f"its first begins at {cues[0].second:g}" if cues else "it has none"
        raise ScriptError(f"the prompt script {path} needs a prompt at second 0, but {found}")
    return PromptScript(tuple(cues))


def single_prompt(prompt: str) -> PromptScript:
    """One prompt throughout."""
    return PromptScript((Cue(0.0, ((prompt, 1.0),)),))


def _from_lines(path: Path, text: str) -> list[Cue]:
    cues = []
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        second, *rest = line.split(maxsplit=1)
        where = f"{path}, line {number}"
        parts = [part.strip() for part in "".join(rest).split("|")]
        mix = [_weighted(where, part) if len(parts) > 1 else (part, 1.0) for part in parts]
        cues.append(_cue(where, second, mix))
    return cues


def _weighted(where: str, part: str) -> tuple[str, float]:
    prompt, _, weight = part.rpartition(":")
    try:
        return prompt.strip(), float(weight)
    except ValueError:
        raise ScriptError(f"{where}: in a mix each prompt needs a weight such as `techno : 0.7`, found {part!r}") from None


def _from_json(path: Path, text: str) -> list[Cue]:
    try:
        entries = json.loads(text)
    except json.JSONDecodeError as failure:
        raise ScriptError(f"{path} is not JSON: {failure}") from None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ScriptError(f'{path} must be a list of objects such as {{"at": 0, "prompt": "ambient"}}')
    return [_json_cue(f"{path}, entry {number}", entry) for number, entry in enumerate(entries, start=1)]


def _json_cue(where: str, entry: dict[str, Any]) -> Cue:
    try:
        mix = [(str(entry["prompt"]), 1.0)] if "prompt" in entry else [(str(prompt), float(weight)) for prompt, weight in entry["prompts"]]
        return _cue(where, entry["at"], mix)
    except (KeyError, TypeError, ValueError):
        raise ScriptError(f"{where} needs `at` and `prompt`, or `prompts` with weights, found {json.dumps(entry)[:80]}") from None


def _cue(where: str, second: Any, mix: list[tuple[str, float]]) -> Cue:
    try:
        at = float(second)
    except (TypeError, ValueError):
        raise ScriptError(f"{where} must begin with a number of seconds, found {second!r}") from None
    if not math.isfinite(at) or at < 0:
        raise ScriptError(f"{where}: a prompt cannot begin at second {at:g}")
    weights = [weight for _, weight in mix]
    if not all(math.isfinite(w) and w >= 0 for w in weights) or not sum(weights) > 0:
        raise ScriptError(f"{where}: weights must be finite, not negative, and not all zero, found {weights}")
    if any(not prompt for prompt, _ in mix):
        raise ScriptError(f"{where} has no prompt after its time")
    return Cue(at, tuple(mix))
