"""Local controls of a running session: what reaches the next blocks, and what the context remembers."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmdm_runtime.accompaniment import AccompanimentStream
from lmdm_runtime.backends.base import Backend
from lmdm_runtime.bundle import Bundle
from lmdm_runtime.errors import SessionError
from lmdm_runtime.sketch_stream import SketchStream, whole_history


class ControlLane:
    """One control: frames to come, the last of which is held, and the newest `context` frames that were played."""

    def __init__(self, channels: int, context: int, block: int) -> None:
        self.channels, self.block = channels, block
        self.coming = np.zeros((channels, 1), dtype=np.float32)
        self.history = np.zeros((1, channels, context), dtype=np.float32)

    def next_block(self) -> NDArray[np.float32]:
        """Values of the block that is made now, [1, channels, block]."""
        frames = self.coming[:, : self.block]
        return np.pad(frames, ((0, 0), (0, self.block - frames.shape[1])), mode="edge")[None]

    def advance(self) -> None:
        """The block has been made: its values become history."""
        played = self.next_block()
        self.history = np.concatenate((self.history, played), axis=2)[..., -self.history.shape[2] :]
        self.coming = self.coming[:, self.block :] if self.coming.shape[1] > self.block else self.coming[:, -1:]

    def set(self, name: str, values: ArrayLike) -> None:
        """What comes from the next block on; `name` is for errors."""
        try:
            array = np.asarray(values, dtype=np.float32)
        except (TypeError, ValueError):
            raise SessionError(f"control {name} takes numbers, found {values!r:.60}") from None
        if array.ndim == 0:
            array = np.full((self.channels, 1), array, dtype=np.float32)
        if array.ndim == 1:
            array = array[:, None]
        if array.ndim != 2 or array.shape[0] != self.channels or not array.shape[1]:
            raise SessionError(f"control {name} has shape {list(array.shape)}, expected [{self.channels}] or [{self.channels}, frames]")
        if not np.isfinite(array).all():
            raise SessionError(f"control {name} holds values that are not finite")
        self.coming = array.copy()


class Controls:
    """The controls of a bundle, whatever feeds them: the caller, a sketch, or an accompaniment. All start at zero."""

    def __init__(self, bundle: Bundle, backend: Backend) -> None:
        manifest = bundle.manifest
        model = manifest.model
        self.context = model.context
        others = [control for control in manifest.controls if control.source == "accompaniment"]
        lanes = [group for control in manifest.controls if control.source != "accompaniment" for group in control.groups]
        self.lanes = {group.name: ControlLane(group.channels, model.context, model.block) for group in lanes}
        self._sketch = None if manifest.sketch is None else SketchStream(bundle, backend)
        self._accompaniment = AccompanimentStream(bundle, backend, others[0]) if others else None
        self._kinds = ", ".join(control.kind for control in manifest.controls) or "none"
        self._window: dict[str, NDArray[np.float32]] = {}
        self._sketched = False

    @property
    def has_sketch(self) -> bool:
        return self._sketch is not None

    @property
    def has_accompaniment(self) -> bool:
        return self._accompaniment is not None

    @property
    def sketch(self) -> SketchStream:
        """What turns audio into controls.

        Raises:
            SessionError: the bundle has no sketch controls.
        """
        if self._sketch is None:
            raise SessionError(f"this bundle has no sketch controls; its controls are {self._kinds}")
        return self._sketch

    @property
    def accompaniment(self) -> AccompanimentStream:
        """What shows other music to the network.

        Raises:
            SessionError: the bundle takes no accompaniment.
        """
        if self._accompaniment is None:
            raise SessionError(f"this bundle takes no accompaniment; its controls are {self._kinds}")
        return self._accompaniment

    def set(self, name: str, values: ArrayLike) -> None:
        """Values from the next block on: a number, [channels], or [channels, frames] whose last frame is held.

        Raises:
            SessionError: unknown control, one that a sketch or an accompaniment feeds now, wrong shape, or values that are not finite.
        """
        lane = self.lanes.get(name)
        if lane is None:
            raise SessionError(f"this bundle has no control {name!r} to set; it has {', '.join(self.lanes) or 'none'}")
        if self._sketch is not None and self._sketch.chosen and name in self._sketch.names:
            raise SessionError(f"control {name} follows the sketch; switch the sketch off with session.sketch.choose([]) before setting it")
        lane.set(name, values)

    def prepare(self) -> None:
        """Computes what the block that is made now needs; a second call for the same block gives the same.

        Raises:
            SessionError: the accompaniment is not known far enough.
        """
        if self._sketch is not None and (self._sketch.chosen or self._sketched):
            for name, values in self._sketch.block().items():
                self.lanes[name].coming = values[0]
            # What was switched off is zero from here on, until the caller sets it.
            self._sketched = bool(self._sketch.chosen)
        elif self._sketch is not None and self._sketch.waiting:
            # A block takes its share of the audio also while nothing follows it: what is chosen later follows what sounds then.
            self._sketch.block()
        if self._accompaniment is not None:
            self._window = self._accompaniment.window()

    def prime(self, audio: NDArray[np.float32]) -> None:
        """What the sketch makes of the audio that becomes the context, [channels, N * frame_size], becomes its history."""
        if self._sketch is not None and self._sketch.chosen:
            for name, values in whole_history(self._sketch.analyse(audio), self.context).items():
                self.lanes[name].history = values

    def reset(self) -> None:
        """Clears what was played and fed; what was set or chosen stays."""
        for lane in self.lanes.values():
            lane.history = np.zeros_like(lane.history)
        if self._sketch is not None:
            self._sketch.reset()
        if self._accompaniment is not None:
            self._accompaniment.reset()

    def history(self) -> dict[str, NDArray[np.float32]]:
        """Values over the context, [1, channels, context] by name."""
        return {name: lane.history for name, lane in self.lanes.items()} | {n: v[..., : self.context] for n, v in self._window.items()}

    def block(self) -> dict[str, NDArray[np.float32]]:
        """Values of the block that is made now, [1, channels, block] by name."""
        return {name: lane.next_block() for name, lane in self.lanes.items()} | {n: v[..., self.context :] for n, v in self._window.items()}

    def advance(self) -> None:
        """The block has been made."""
        for lane in self.lanes.values():
            lane.advance()
        if self._sketch is not None:
            self._sketch.advance()
        if self._accompaniment is not None:
            self._accompaniment.advance()
