"""Accompaniment of a running session: another stream of music through the codec's encoder, seen up to the bundle's cutoff."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmdm_runtime.audio_input import AudioQueue, require_audio
from lmdm_runtime.backends.base import Backend
from lmdm_runtime.bundle import Bundle
from lmdm_runtime.codec_stream import LiveEncoder
from lmdm_runtime.control_entry import ControlEntry
from lmdm_runtime.errors import SessionError

Frames = dict[str, NDArray[np.float32]]


class AccompanimentStream:
    """Frames of the other stream as the window of each block may see them: context and block alike, up to the cutoff.

    The first sample that is fed sounds with the first sample of the block that is made next. A cutoff beyond the context needs frames that
    sound with a block before it is made, so that a player must give them ahead of time.
    """

    def __init__(self, bundle: Bundle, backend: Backend, control: ControlEntry) -> None:
        model, codec = bundle.manifest.model, bundle.manifest.codec
        assert control.cutoff is not None
        self.cutoff, self.context, self.block_frames = control.cutoff, model.context, model.block
        self.mask_name, self.input_name = (group.name for group in control.groups)
        self._latent_channels, self._channels = model.latent_channels, codec.audio_channels
        self._rate, self._frame_size = codec.sample_rate, codec.frame_size
        self._bundle, self._backend = bundle, backend
        self._encoder: LiveEncoder | None = None
        self._queue = AudioQueue(codec.audio_channels)
        self._played = 0
        self.stop()

    def stop(self) -> None:
        """No accompaniment from the next block on, and what was fed of it is forgotten; what is fed later begins with the block after."""
        self._queue.clear()
        # `_frames` are those of the piece's frames `_first` and later that are known; there is nothing before the accompaniment begins.
        self._first = self._played - self.context
        self._frames = np.zeros((1, self._latent_channels, self.context), np.float32)
        self.on, self._by_frames = False, False
        if self._encoder is not None:
            self._encoder.restart()

    def reset(self) -> None:
        """Block 0 comes next, without accompaniment."""
        self._played = 0
        self.stop()

    @property
    def known(self) -> int:
        """Frames known so far, counted from the beginning of the piece."""
        return self._first + self._frames.shape[2]

    def feed(self, audio: ArrayLike) -> None:
        """Audio [channels, samples] at the bundle's rate, behind what was fed before, and switches the accompaniment on.

        Raises:
            SessionError: wrong channels, samples that are not finite, or frames were fed before.
        """
        samples = require_audio(audio, self._channels, "the accompaniment")
        if self._by_frames:
            raise SessionError("the accompaniment was begun as frames and goes on as audio; reset the session, or go on with frames")
        self._queue.put(samples)
        self.on = True

    def feed_frames(self, frames: ArrayLike) -> None:
        """Latent frames [C, N] or [1, C, N] that are known already, in place of audio.

        Raises:
            SessionError: another shape, values that are not finite, or audio was fed before.
        """
        array = np.asarray(frames, dtype=np.float32)
        array = array[None] if array.ndim == 2 else array
        if array.ndim != 3 or array.shape[:2] != (1, self._latent_channels) or not np.isfinite(array).all():
            raise SessionError(f"accompaniment frames have shape {list(array.shape)}, expected finite [{self._latent_channels}, frames]")
        if self.on and not self._by_frames:
            raise SessionError("the accompaniment was begun as audio and goes on as frames; reset the session, or go on with audio")
        self._frames, self._by_frames, self.on = np.concatenate((self._frames, array), axis=2), True, True

    def window(self) -> Frames:
        """Mask [1, 1, window] and frames [1, C, window] of the block that is made now, zero from the cutoff on; all zero when off.

        Raises:
            SessionError: frames before the cutoff are not known yet.
        """
        length = self.context + self.block_frames
        mask, seen = np.zeros((1, 1, length), np.float32), np.zeros((1, self._latent_channels, length), np.float32)
        if self.on:
            start = self._played - self.context
            self._require(start + self.cutoff)
            mask[..., : self.cutoff] = 1
            seen[..., : self.cutoff] = self._frames[..., start - self._first : start - self._first + self.cutoff]
        return {self.mask_name: mask, self.input_name: seen}

    def advance(self) -> None:
        """The block has been made and the window slides on."""
        self._played += self.block_frames
        if not self.on:
            self.stop()
        gone = min(self._played - self.context - self._first, self._frames.shape[2])
        self._frames, self._first = self._frames[..., gone:], self._first + gone

    def _require(self, needed: int) -> None:
        if self.known < needed and not self._by_frames:
            self._encode(needed)
        if self.known < needed:
            block, ahead = self._played // self.block_frames, self.cutoff - self.context
            look = 0 if self._encoder is None else self._encoder.delay
            why = f"it is seen until {abs(ahead)} frames {'into' if ahead > 0 else 'before'} the block"
            why += f", and the codec looks {look} frames ahead" if look else ""
            seconds = needed * self._frame_size / self._rate
            raise SessionError(
                f"block {block} needs {needed} frames of accompaniment ({seconds:.2f} s), {self.known} are known; "
                f"{why}, so feed more of it before the block, or switch it off"
            )

    def _encode(self, needed: int) -> None:
        if self._encoder is None:
            self._encoder = LiveEncoder(self._bundle, self._backend)
        made = [self._frames]
        have = self.known
        while have < needed:
            step = self._encoder.fitting(self._queue.samples // self._frame_size, needed - have)
            if not step:
                break
            made.append(self._encoder.push(self._queue.take(step * self._frame_size)))
            have += made[-1].shape[2]
        self._frames = np.concatenate(made, axis=2)
