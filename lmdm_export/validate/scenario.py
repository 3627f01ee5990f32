"""What the closed-loop rollout plays: prompt changes, a mix that varies by block, local controls and a seed; the same for both sides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

PROMPTS = (
    "slow ambient pad with soft piano",
    "fast techno, driving bass and drums",
    "jazz trio with walking bass",
)
SEED = 7
FEWEST_BLOCKS = 8
USUAL_BLOCKS = 64
# Values of 16-bit audio are multiples of 1/32768.
SAMPLE = 32768

Mix = list[tuple[str, float]]


@dataclass(frozen=True)
class Scenario:
    """`timeline`: block -> weighted prompts from that block on. `controls`: [channels, frames] from block 0 on, those a caller sets.

    `sketch`: mono audio [samples] that the controls `sketched` follow, through a median of `smoothing` frames. `accompaniment`: latent
    frames [C, frames] of another stem.
    `embeddings` [1, text_tokens, text_width] by prompt, where the instrument has no text encoder.
    """

    blocks: int
    timeline: Mapping[int, Mix]
    seed: int = SEED
    controls: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    embeddings: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    sketch: NDArray[np.float32] | None = None
    sketched: tuple[str, ...] = ()
    smoothing: int = 1
    accompaniment: NDArray[np.float32] | None = None

    @property
    def prompts(self) -> list[str]:
        return sorted({prompt for mix in self.timeline.values() for prompt, _ in mix})

    @property
    def changes(self) -> dict[int, str]:
        """Blocks at which another prompt becomes dominant, with that prompt; block 0 is none."""
        changes, before = {}, dominant(self.timeline[0])
        for block, mix in sorted(self.timeline.items()):
            now = dominant(mix)
            if now != before:
                changes[block] = now
            before = now
        return changes

    @property
    def varying(self) -> int:
        """How many blocks begin with weights other than the block before, the dominant prompt being the same."""
        return len(self.timeline) - 1 - len(self.changes)

    def first(self, blocks: int) -> Scenario:
        """The first blocks only."""
        return replace(self, blocks=blocks, timeline={block: mix for block, mix in self.timeline.items() if block < blocks})


def build_timeline(blocks: int, prompts: tuple[str, str, str] = PROMPTS) -> dict[int, Mix]:
    """A timeline over `blocks` blocks.

    The first prompt, an early hard change to the second, a crossfade by block to the third (its dominance flips half-way), a hard change
    back, and at the end a mix of all three whose weights move with every block.

    Raises:
        ValueError: fewer than `FEWEST_BLOCKS` blocks.
    """
    if blocks < FEWEST_BLOCKS:
        raise ValueError(f"a rollout with prompt changes needs at least {FEWEST_BLOCKS} blocks, found {blocks}")
    first, second, third = prompts
    change, fade_from, fade_to, back, blend = (round(blocks * share) for share in (0.08, 0.25, 0.45, 0.6, 0.75))
    timeline: dict[int, Mix] = {0: [(first, 1.0)], max(2, change): [(second, 1.0)], back: [(first, 1.0)]}
    for block in range(max(3, fade_from), fade_to):
        share = (block - fade_from + 1) / (fade_to - fade_from + 1)
        timeline[block] = [(second, 1.0 - share), (third, share)]
    for block in range(blend, blocks):
        phase = 0.7 * (block - blend)
        timeline[block] = [(first, float(1.4 + np.sin(phase))), (second, float(1.2 + np.cos(phase))), (third, 0.5)]
    return dict(sorted(timeline.items()))


def dominant(mix: Mix) -> str:
    """The prompt of the largest weight; the first of several."""
    return max(mix, key=lambda item: item[1])[0]


def control_values(name: str, channels: int, frames: int, seed: int = SEED) -> NDArray[np.float32]:
    """A slowly moving local control for a whole rollout, [channels, frames] within [-1, 1]."""
    generator = np.random.default_rng([seed, *name.encode()])
    rates = generator.uniform(0.02, 0.3, size=(channels, 1))
    phases = generator.uniform(0.0, 2 * np.pi, size=(channels, 1))
    return np.sin(rates * np.arange(frames)[None] + phases).astype(np.float32)


def sketch_signal(samples: int, rate: int) -> NDArray[np.float32]:
    """A recording to sketch from, [samples]: three partials that sweep over three octaves from 150 Hz, swelling, with rests of silence.

    16-bit integers hold it exactly.
    """
    share = np.arange(samples) / samples
    phase = 2 * np.pi * 150.0 * samples / rate * (8**share - 1) / np.log(8)
    tone = sum(np.sin(number * phase + number) / number for number in (1, 2, 3))
    level = 0.25 * (0.6 + 0.4 * np.sin(2 * np.pi * 5 * share)) * ((8 * share + 0.5) % 1 < 0.75)
    return (np.round(level * tone * SAMPLE) / SAMPLE).astype(np.float32)


def random_embedding(prompt: str, tokens: int, width: int) -> NDArray[np.float32]:
    """A [1, tokens, width] that stands for a prompt where the caller supplies embeddings."""
    return np.random.default_rng([*prompt.encode()]).standard_normal((1, tokens, width), dtype=np.float32)
