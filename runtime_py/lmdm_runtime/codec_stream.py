"""The codec as an endless stream without seams: by carried state, or by the frames around a block."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmdm_runtime.backends.base import Backend
from lmdm_runtime.bundle import Bundle
from lmdm_runtime.errors import BundleError
from lmdm_runtime.manifest import Port, Streaming
from lmdm_runtime.stateful import StatefulGraph


class StreamDecoder:
    """Frames in blocks -> audio in blocks, `delay` frames late where the codec looks ahead.

    With a fade, the end of one run, which later frames would still change, is blended into the beginning of the next.
    `silent` counts the samples of silence that are still to come before the first frame is heard.
    """

    def __init__(self, bundle: Bundle, backend: Backend) -> None:
        manifest, codec = bundle.manifest, bundle.manifest.codec
        self.streaming, self.frame_size, self.block = codec.decoder, codec.frame_size, manifest.model.block
        entry = manifest.graphs["codec_decoder"]
        self._frames = backend.buffer(_port(entry.inputs, "frames"))
        self._audio = backend.buffer(_port(entry.outputs, "audio"))
        self._graph = StatefulGraph(backend, entry, {"frames": self._frames, "audio": self._audio})
        self._first = first_states(bundle, codec.decoder)
        ramp = (np.arange(codec.decoder.fade * codec.frame_size, dtype=np.float64) + 0.5) / max(1, codec.decoder.fade * codec.frame_size)
        self._rise = ramp.astype(np.float32)
        self.reset()

    def reset(self) -> None:
        """Nothing has been decoded yet."""
        self._graph.restart(self._first)
        self._window = np.zeros(self._frames.port.shape, dtype=np.float32)
        self._held: NDArray[np.float32] | None = None
        self.silent = self.streaming.delay * self.frame_size

    def decode(self, frames: NDArray[np.floating]) -> NDArray[np.float32]:
        """Frames [1, C, o] -> audio [channels, o * frame_size]; silence where a delayed stream has not begun yet."""
        self._window = np.concatenate((self._window, frames), axis=2)[..., -self._window.shape[2] :]
        self._frames.write(self._window)
        self._graph.run()
        audio = self._faded(self._audio.read()[0].astype(np.float32, copy=False))
        silent = min(self.silent, audio.shape[1])
        if silent:
            audio[:, :silent] = 0
            self.silent -= silent
        return audio

    def begin(self, frames: NDArray[np.floating]) -> NDArray[np.float32]:
        """A stream that goes on from frames [1, C, N], the oldest of which are left out so that whole blocks remain.

        Returns:
            Audio of the last block, without the silence before a delayed stream; [channels, 0] where there is none.
        """
        self.reset()
        count, block = frames.shape[2], self.block
        heard = np.zeros((self._audio.port.shape[1], 0), dtype=np.float32)
        for start in range(count % block, count, block):
            silent = self.silent
            heard = self.decode(frames[..., start : start + block])[:, silent:]
        return heard

    def _faded(self, audio: NDArray[np.float32]) -> NDArray[np.float32]:
        late = len(self._rise)
        if not late:
            return audio
        if self._held is not None:
            audio[:, :late] = self._held + self._rise * (audio[:, :late] - self._held)
        self._held = audio[:, -late:].copy()
        return audio[:, :-late]


class StreamEncoder:
    """Audio of any length -> frames, as one stream from silence."""

    def __init__(self, bundle: Bundle, backend: Backend) -> None:
        manifest, codec = bundle.manifest, bundle.manifest.codec
        self.streaming, self.frame_size, self.block = codec.encoder, codec.frame_size, manifest.model.block
        entry = manifest.graphs["codec_encoder"]
        self._audio = backend.buffer(_port(entry.inputs, "audio"))
        self._frames = backend.buffer(_port(entry.outputs, "frames"))
        self._graph = StatefulGraph(backend, entry, {"audio": self._audio, "frames": self._frames})
        self._first = first_states(bundle, codec.encoder)

    def encode(self, audio: NDArray[np.float32]) -> NDArray[np.float32]:
        """Audio [channels, N * frame_size] -> frames [1, C, N].

        Runs cover whole blocks; silence fills the last one, and stands before and after the audio of a codec that looks to both sides.
        """
        self._graph.restart(self._first)
        count = audio.shape[1] // self.frame_size
        runs = -(-count // self.block)
        left = self.streaming.left * self.frame_size if self.streaming.kind == "context" else 0
        heard, step = self._audio.port.shape[2], self.block * self.frame_size
        padded = np.zeros((audio.shape[0], (runs - 1) * step + heard), dtype=np.float32)
        padded[:, left : left + audio.shape[1]] = audio
        made = []
        for run in range(runs):
            self._audio.write(padded[None, :, run * step : run * step + heard])
            self._graph.run()
            made.append(self._frames.read())
        return np.concatenate(made, axis=2)[..., :count].astype(np.float32, copy=False)


class LiveEncoder:
    """Audio as it comes -> frames, as one stream from silence; frames come out `delay` frames late where the codec looks ahead."""

    def __init__(self, bundle: Bundle, backend: Backend) -> None:
        manifest, codec = bundle.manifest, bundle.manifest.codec
        self.frame_size, self.block = codec.frame_size, manifest.model.block
        self._looks_around = codec.encoder.kind == "context"
        self.delay = codec.encoder.right if self._looks_around else 0
        entry = manifest.graphs["codec_encoder"]
        self._audio = backend.buffer(_port(entry.inputs, "audio"))
        self._frames = backend.buffer(_port(entry.outputs, "frames"))
        self._graph = StatefulGraph(backend, entry, {"audio": self._audio, "frames": self._frames})
        self._first = first_states(bundle, codec.encoder)
        self.restart()

    def restart(self) -> None:
        """Nothing has been heard yet."""
        self._graph.restart(self._first)
        self._heard = np.zeros(self._audio.port.shape, dtype=np.float32)
        self._silent = self.delay

    def fitting(self, available: int, wanted: int) -> int:
        """Frames of audio to push next for `wanted` frames, of which `available` are at hand; 0 where it must wait for more.

        A codec that carries state runs over whole blocks only; one that looks around takes any number up to a block.
        """
        if not self._looks_around:
            return self.block if available >= self.block else 0
        return min(available, self.block, wanted + self._silent)

    def push(self, audio: NDArray[np.float32]) -> NDArray[np.float32]:
        """Audio [channels, n * frame_size], n as `fitting` said -> the frames that it completes, [1, C, at most n]."""
        count = audio.shape[1] // self.frame_size
        self._heard = np.concatenate((self._heard, audio[None]), axis=2)[..., audio.shape[1] :]
        self._audio.write(self._heard)
        self._graph.run()
        frames = self._frames.read().astype(np.float32, copy=False)[..., self.block - count :]
        skipped = min(self._silent, count)
        self._silent -= skipped
        return frames[..., skipped:]


def first_states(bundle: Bundle, streaming: Streaming) -> dict[str, NDArray]:
    """First values of the state of one direction, by input name."""
    return {} if streaming.states is None else bundle.arrays(streaming.states)


def _port(ports: tuple[Port, ...], name: str) -> Port:
    found = next((port for port in ports if port.name == name), None)
    if found is None:
        raise BundleError(f"a codec graph has no {name}; export the checkpoint again with lmdm export")
    return found
