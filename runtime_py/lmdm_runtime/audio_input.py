"""Audio that a caller hands to a session: checked once, and kept until blocks use it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmdm_runtime.errors import SessionError
from lmdm_runtime.manifest import CodecEntry


def require_audio(audio: ArrayLike, channels: int, what: str) -> NDArray[np.float32]:
    """[channels, samples] as float32; one dimension is one channel.

    Raises:
        SessionError: another shape, or samples that are not finite; `what` names the audio.
    """
    samples = np.atleast_2d(np.asarray(audio, dtype=np.float32))
    if samples.ndim != 2 or samples.shape[0] != channels:
        raise SessionError(f"{what} has shape {list(samples.shape)}, expected [{channels}, samples]")
    if not np.isfinite(samples).all():
        raise SessionError(f"{what} holds samples that are not finite; check the file it came from")
    return samples


def whole_frames(audio: ArrayLike, codec: CodecEntry) -> NDArray[np.float32]:
    """Priming audio [channels, samples] without the samples at its beginning that do not fill a frame.

    Raises:
        SessionError: wrong channels, less than one frame, or samples that are not finite.
    """
    samples = require_audio(audio, codec.audio_channels, "priming audio")
    whole = samples.shape[1] // codec.frame_size * codec.frame_size
    if not whole:
        raise SessionError(f"priming audio has {samples.shape[1]} samples, less than one frame of {codec.frame_size}; give more audio")
    return samples[:, -whole:]


class AudioQueue:
    """Samples in the order in which they came."""

    def __init__(self, channels: int) -> None:
        self._parts: list[NDArray[np.float32]] = []
        self._channels = channels
        self.samples = 0

    def put(self, audio: NDArray[np.float32]) -> None:
        self._parts.append(audio.copy())
        self.samples += audio.shape[1]

    def take(self, samples: int) -> NDArray[np.float32]:
        """The oldest `samples`, silence where there are not so many."""
        taken, missing = [], samples
        while missing and self._parts:
            part = self._parts.pop(0)
            taken.append(part[:, :missing])
            if part.shape[1] > missing:
                self._parts.insert(0, part[:, missing:])
            missing -= taken[-1].shape[1]
        self.samples -= samples - missing
        return np.concatenate([*taken, np.zeros((self._channels, missing), np.float32)], axis=1)

    def clear(self) -> None:
        self._parts, self.samples = [], 0
