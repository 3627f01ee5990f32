"""What the closed-loop rollout plays: prompt changes, a mix that varies by block, controls and seed; the same for both sides."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

PROMPTS = (
    "slow ambient pad with soft piano",
    "fast techno, driving bass and drums",
    "jazz trio with walking bass",
)

Mix = list[tuple[str, float]]


@dataclass(frozen=True)
class Scenario:
    """`timeline`: block index -> weighted prompts, from that block on. `events` names the blocks for plots."""

    blocks: int
    timeline: dict[int, Mix]
    seed: int
    events: dict[int, str] = field(default_factory=dict)

    @property
    def first_change(self) -> int:
        """The first block whose dominant prompt differs from the one before."""
        return min(block for block, label in self.events.items() if label.startswith("change") and block > 0)


def build_scenario(blocks: int, seed: int = 7, prompts: tuple[str, str, str] = PROMPTS) -> Scenario:
    """A timeline over `blocks` blocks (at least 8).

    First prompt, an early hard change to the second, a crossfade by block to the third (its dominance flips half-way), a hard change
    back, and at the end a mix of all three whose weights move with every block.
    """
    if blocks < 8:
        raise ValueError(f"a rollout with prompt changes needs at least 8 blocks, found {blocks}")
    first, second, third = prompts
    change, fade_from, fade_to, back, blend = (round(blocks * share) for share in (0.08, 0.25, 0.45, 0.6, 0.75))
    change = max(2, change)
    timeline: dict[int, Mix] = {0: [(first, 1.0)], change: [(second, 1.0)], back: [(first, 1.0)]}
    for block in range(fade_from, fade_to):
        share = (block - fade_from + 1) / (fade_to - fade_from + 1)
        timeline[block] = [(second, 1.0 - share), (third, share)]
    for block in range(blend, blocks):
        phase = 0.7 * (block - blend)
        timeline[block] = [(first, 1.4 + np.sin(phase)), (second, 1.2 + np.cos(phase)), (third, 0.5)]
    timeline = {block: [(p, float(w)) for p, w in mix] for block, mix in sorted(timeline.items())}
    return Scenario(blocks, timeline, seed, _events(timeline))


def dominant(mix: Mix) -> str:
    """The prompt of the largest weight; the first of several."""
    return max(mix, key=lambda item: item[1])[0]


def _events(timeline: dict[int, Mix]) -> dict[int, str]:
    events: dict[int, str] = {}
    before = None
    for block, mix in timeline.items():
        now = dominant(mix)
        if now != before:
            events[block] = f"change: {now[:24]}" if before is not None else f"start: {now[:24]}"
        before = now
    return events


def control_values(name: str, channels: int, frames: int, seed: int) -> np.ndarray:
    """A slowly moving local control for a whole rollout, float32 [channels, frames] within [-1, 1]."""
    generator = np.random.default_rng([seed, *name.encode()])
    rates = generator.uniform(0.02, 0.3, size=(channels, 1))
    phases = generator.uniform(0.0, 2 * np.pi, size=(channels, 1))
    return np.sin(rates * np.arange(frames)[None] + phases).astype(np.float32)
