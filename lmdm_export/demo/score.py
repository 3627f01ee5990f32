"""What the demo plays: prompts that take over one after the other."""

from __future__ import annotations

from math import ceil

from lmdm_runtime.prompt_script import Cue, PromptScript


def in_turn(seconds: float, prompts: tuple[str, ...]) -> PromptScript:
    """Each prompt sounds for an equal part of `seconds`."""
    return PromptScript(tuple(Cue(seconds * part / len(prompts), ((prompt, 1.0),)) for part, prompt in enumerate(prompts)))


def block_count(seconds: float, block_seconds: float) -> int:
    """Whole blocks that last at least `seconds`."""
    return max(1, ceil(seconds / block_seconds - 1e-9))
