"""A session that plays prompts in turn and keeps the time of every block."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.trend import percentiles
from lmdm_runtime.backends import make_backend
from lmdm_runtime.bundle import Bundle
from lmdm_runtime.codec_stream import LiveEncoder
from lmdm_runtime.pacing import BlockFeeder
from lmdm_runtime.session import Session

STAGES = ("controls", "prompt", "context", "steps", "decode")
AHEAD = 8


def open_session(bundle: Bundle, engine: str, threads: int, prompts: Sequence[str]) -> Session:
    """A session that knows `prompts`: by random embeddings where the bundle has no text encoder."""
    session = Session(bundle, backend=make_backend(engine, bundle, threads))
    if bundle.manifest.text is None:
        shape = next(port.shape for port in bundle.manifest.graphs["conditioner"].inputs if port.name == "embedding")
        for number, prompt in enumerate(prompts):
            session.set_embedding(prompt, np.random.default_rng(number).standard_normal(shape[1:], dtype=np.float32))
    session.set_prompt(prompts[0])
    return session


class Player:
    """Plays a bundle with a new prompt every `change` seconds.

    Attributes:
        period: seconds that a block lasts.
        changes: prompts that followed the first.
    """

    def __init__(self, bundle: Bundle, engine: str, threads: int, prompts: Sequence[str], change: float) -> None:
        self.session = open_session(bundle, engine, threads, prompts)
        self.period = self.session.block_samples / self.session.sample_rate
        self.changes = 0
        self._prompts, self._change, self._began = prompts, change, 0.0
        self._sketch: NDArray[np.float32] | None = None
        self._log, self._made = np.zeros((0, 2 + len(STAGES))), 0

    @property
    def blocks(self) -> NDArray[np.float64]:
        """Seconds since playing began and milliseconds to make it, of every block; a change of prompt is part of its block."""
        return self._log[: self._made, :2]

    @property
    def stages(self) -> dict[str, dict[str, float]]:
        """p50, p95, p99 and max milliseconds of every stage of a block."""
        return {name: percentiles(self._log[: self._made, 2 + column]) for column, name in enumerate(STAGES)}

    def follow(self) -> None:
        """From here on every block follows a sketch of noise with all controls that the bundle has; nothing where it has none."""
        if self.session.controls.has_sketch:
            channels = self.session.bundle.manifest.codec.audio_channels
            self._sketch = 0.1 * np.random.default_rng(0).standard_normal((channels, self.session.block_samples), dtype=np.float32)
            self.session.sketch.choose(self.session.sketch.groups)

    def encode(self, runs: int) -> dict[str, float]:
        """Milliseconds to encode the audio of one block, as an accompaniment or a primer is encoded."""
        bundle, spent = self.session.bundle, []
        encoder = LiveEncoder(bundle, self.session.backend)
        shape = (bundle.manifest.codec.audio_channels, self.session.block_samples)
        audio = 0.1 * np.random.default_rng(1).standard_normal(shape, dtype=np.float32)
        for _ in range(runs + 1):
            start = time.perf_counter()
            encoder.push(audio)
            spent.append(1e3 * (time.perf_counter() - start))
        return percentiles(spent[1:])

    def first_block(self) -> None:
        """Loads what is loaded late, and begins the piece again."""
        self.session.next_block()
        self.session.reset()

    def play_unpaced(self, seconds: float) -> int:
        """Blocks as fast as they come; 0, as nothing can be late."""
        count = self._begin(seconds)
        for _ in range(count):
            self._make()
        return 0

    def play_paced(self, seconds: float) -> int:
        """A clock takes a block every period; how often it found none ready."""
        feeder = BlockFeeder(self._make, self.period)
        count = self._begin(seconds)
        feeder.start()
        try:
            began = time.perf_counter()
            for tick in range(count):
                time.sleep(max(0.0, began + tick * self.period - time.perf_counter()))
                feeder.take()
        finally:
            feeder.stop()
        return feeder.report.underruns

    def _begin(self, seconds: float) -> int:
        """How many blocks to play."""
        count = max(1, round(seconds / self.period))
        # Filled, so that what a long run writes down does not look like memory that grows.
        self._log, self._made = np.full((count + AHEAD, 2 + len(STAGES)), np.nan), 0
        self._began = time.perf_counter()
        return count

    def _make(self) -> np.ndarray:
        start = time.perf_counter()
        played = self.session.block_index * self.period
        if int(played / self._change) > self.changes:
            self.changes = int(played / self._change)
            self.session.set_prompt(self._prompts[self.changes % len(self._prompts)])
        if self._sketch is not None:
            self.session.sketch.feed(self._sketch)
        audio = self.session.next_block()
        end = time.perf_counter()
        if self._made < len(self._log):
            self._log[self._made] = end - self._began, 1e3 * (end - start), *(self.session.timings[name] for name in STAGES)
            self._made += 1
        return audio
