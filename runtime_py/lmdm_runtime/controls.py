"""Local controls of a running session: what reaches the next blocks, and what the context remembers."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmdm_runtime.errors import SessionError
from lmdm_runtime.manifest import Manifest


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


class Controls:
    """The controls of a bundle by name; all start at zero."""

    def __init__(self, manifest: Manifest) -> None:
        model = manifest.model
        self.lanes = {c.name: ControlLane(c.channels, model.context, model.block) for c in manifest.controls}

    def set(self, name: str, values: ArrayLike) -> None:
        """Values from the next block on: a number, [channels], or [channels, frames] whose last frame is held.

        Raises:
            SessionError: unknown control, wrong shape, or values that are not finite.
        """
        lane = self.lanes.get(name)
        if lane is None:
            raise SessionError(f"this bundle has no control {name!r}; its controls are {', '.join(self.lanes) or 'none'}")
        try:
            array = np.asarray(values, dtype=np.float32)
        except (TypeError, ValueError):
            raise SessionError(f"control {name} takes numbers, found {values!r:.60}") from None
        if array.ndim == 0:
            array = np.full((lane.channels, 1), array, dtype=np.float32)
        if array.ndim == 1:
            array = array[:, None]
        if array.ndim != 2 or array.shape[0] != lane.channels or not array.shape[1]:
            raise SessionError(f"control {name} has shape {list(array.shape)}, expected [{lane.channels}] or [{lane.channels}, frames]")
        if not np.isfinite(array).all():
            raise SessionError(f"control {name} holds values that are not finite")
        lane.coming = array.copy()

    def forget(self) -> None:
        """Clears what was played; what was set stays set."""
        for lane in self.lanes.values():
            lane.history = np.zeros_like(lane.history)

    def history(self) -> dict[str, NDArray[np.float32]]:
        """Values over the context, [1, channels, context] by name."""
        return {name: lane.history for name, lane in self.lanes.items()}

    def block(self) -> dict[str, NDArray[np.float32]]:
        """Values of the block that is made now, [1, channels, block] by name."""
        return {name: lane.next_block() for name, lane in self.lanes.items()}

    def advance(self) -> None:
        for lane in self.lanes.values():
            lane.advance()
