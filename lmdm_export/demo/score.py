"""What the demo plays: prompts and the second at which each takes over."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cue:
    """From `second` on (counted from the first generated sample) the instrument is asked for `prompt`."""

    second: float
    prompt: str


@dataclass(frozen=True)
class Score:
    """Cues in order of time, the first at 0, over `seconds` of music."""

    seconds: float
    cues: tuple[Cue, ...]

    def __post_init__(self) -> None:
        times = [cue.second for cue in self.cues]
        if not times or times[0] != 0.0 or times != sorted(set(times)):
            raise ValueError(f"cues start at second 0 and rise, found {times}")

    def blocks(self, block_seconds: float) -> list[str | None]:
        """One entry for each block: the prompt to set before it, or None. A cue sounds from the block in which it falls.

        The last block is whole, so the music lasts up to one block longer than `seconds`.
        """
        count = max(1, -int(-self.seconds // block_seconds))
        changes: list[str | None] = [None] * count
        for cue in self.cues:
            index = int(cue.second / block_seconds)
            if index < count:
                changes[index] = cue.prompt
        return changes


def in_thirds(seconds: float, prompts: tuple[str, str, str]) -> Score:
    """A score with two prompt changes, evenly spaced."""
    return Score(seconds, tuple(Cue(seconds * part / len(prompts), prompt) for part, prompt in enumerate(prompts)))
