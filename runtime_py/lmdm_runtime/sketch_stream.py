"""The sketch of a running session: audio becomes pitch and loudness controls, block by block, through the bundle's graph `sketch`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmdm_runtime.audio_input import AudioQueue, require_audio
from lmdm_runtime.backends.base import Backend, Buffer
from lmdm_runtime.bundle import Bundle
from lmdm_runtime.errors import SessionError
from lmdm_runtime.stateful import StatefulGraph

Frames = dict[str, NDArray[np.float32]]


class SketchStream:
    """Audio in any pieces -> the controls of each block by group, [1, channels, block].

    A control that is not chosen is zero, presence and all; one that is chosen is scaled by its strength. Missing audio is silence,
    which is a sketch too.
    """

    def __init__(self, bundle: Bundle, backend: Backend) -> None:
        manifest = bundle.manifest
        assert manifest.sketch is not None
        entry = manifest.graphs["sketch"]
        self.groups = {control.kind: tuple(g.name for g in control.groups) for control in manifest.controls if control.source == "sketch"}
        self.medians, self.median = manifest.sketch.medians, manifest.sketch.median
        self.chosen: tuple[str, ...] = ()
        self.strengths = dict.fromkeys(self.groups, 1.0)
        self._channels, self._samples = manifest.codec.audio_channels, manifest.model.block * manifest.codec.frame_size
        self._queue = AudioQueue(self._channels)
        ports = [port for port in (*entry.inputs, *entry.outputs) if port.name in ("audio", "smoothing", *self.names)]
        self._buffers: dict[str, Buffer] = {port.name: backend.buffer(port) for port in ports}
        self._graph = StatefulGraph(backend, entry, self._buffers)
        self._first = bundle.arrays(manifest.sketch.states)
        self.reset()

    @property
    def names(self) -> tuple[str, ...]:
        """Groups of all its controls."""
        return tuple(name for names in self.groups.values() for name in names)

    @property
    def waiting(self) -> bool:
        """Whether audio was fed that no block has taken."""
        return self._queue.samples > 0

    def reset(self) -> None:
        """Nothing has been heard yet, and what was fed is forgotten; what was chosen stays."""
        self._queue.clear()
        self._graph.restart(self._first)
        self._current: Frames | None = None

    def choose(self, controls: Iterable[str], smoothing: int | None = None) -> None:
        """Which controls the next blocks follow, and the length of the median in frames; None leaves it as it is.

        Raises:
            SessionError: there is no such control or median.
        """
        wanted = (controls,) if isinstance(controls, str) else tuple(controls)
        for kind in wanted:
            self._require_known(kind)
        if smoothing is not None and smoothing not in self.medians:
            raise SessionError(f"smoothing is a median over {', '.join(map(str, self.medians))} frames, found {smoothing}")
        self.chosen = wanted
        if smoothing is not None:
            self.median = smoothing

    def set_strength(self, kind: str, strength: float) -> None:
        """Scales a control from the next block on, presence and all, between absent (0) and as heard (1).

        Raises:
            SessionError: there is no such control, or the strength is not from 0 to 1.
        """
        self._require_known(kind)
        if not 0 <= strength <= 1:
            raise SessionError(f"the strength of a sketch control lies from 0 to 1, found {float(strength)}")
        self.strengths[kind] = float(strength)

    def feed(self, audio: ArrayLike) -> None:
        """Audio [channels, samples] at the bundle's rate, behind what was fed before; the next block follows the oldest of it.

        Raises:
            SessionError: wrong channels, or samples that are not finite.
        """
        self._queue.put(require_audio(audio, self._channels, "sketch audio"))

    def block(self) -> Frames:
        """Controls of the block that is made now; the same until `advance`, so that a block that failed can be begun again."""
        if self._current is None:
            self._current = self._run(self._queue.take(self._samples))
        return {name: self._scaled(name, values) for name, values in self._current.items()}

    def advance(self) -> None:
        """The block has been made."""
        self._current = None

    def analyse(self, audio: NDArray[np.float32]) -> Frames:
        """The chosen controls of audio [channels, N * frame_size] of its own, after silence: [1, channels, N] by group."""
        before = {name: buffer.read() for name, buffer in self._graph.state.items()}
        self._graph.restart(self._first)
        count = audio.shape[1] * self._frames // self._samples
        queue = AudioQueue(self._channels)
        queue.put(audio)
        runs = [self._run(queue.take(self._samples)) for _ in range(-(-count // self._frames))]
        self._graph.restart(before)
        wanted = [name for kind in self.chosen for name in self.groups[kind]]
        return {name: self._scaled(name, np.concatenate([run[name] for run in runs], axis=2)[..., :count]) for name in wanted}

    def _require_known(self, kind: str) -> None:
        if kind not in self.groups:
            raise SessionError(f"this bundle has no sketch control {kind!r}; its sketch controls are {', '.join(self.groups)}")

    def _scaled(self, name: str, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Values of one group as they reach the network."""
        kind = next(kind for kind, names in self.groups.items() if name in names)
        strength = np.float32(self.strengths[kind] if kind in self.chosen else 0)
        return values * strength if strength else np.zeros_like(values)

    @property
    def _frames(self) -> int:
        return self._buffers[self.names[0]].port.shape[2]

    def _run(self, audio: NDArray[np.float32]) -> Frames:
        self._buffers["audio"].write(audio[None])
        self._buffers["smoothing"].write(np.array([length == self.median for length in self.medians], dtype=np.float32))
        self._graph.run()
        return {name: self._buffers[name].read() for name in self.names}


def whole_history(made: Mapping[str, NDArray], context: int) -> Frames:
    """The newest `context` frames of controls [1, channels, N], zeros before them."""
    return {name: np.pad(values, ((0, 0), (0, 0), (max(0, context - values.shape[2]), 0)))[..., -context:] for name, values in made.items()}
