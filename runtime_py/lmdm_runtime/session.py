"""A session: one endless piece of music, made block by block from a bundle (Algorithms 2 and 3 of the paper)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmdm_runtime.accompaniment import AccompanimentStream
from lmdm_runtime.audio_input import whole_frames
from lmdm_runtime.backends.base import Backend
from lmdm_runtime.backends.onnxruntime import OrtBackend, OrtOptions
from lmdm_runtime.bundle import Bundle
from lmdm_runtime.codec_stream import StreamDecoder, StreamEncoder
from lmdm_runtime.context import BlockContext, ContextCache, WindowContext
from lmdm_runtime.controls import Controls
from lmdm_runtime.drawing import drawn_group
from lmdm_runtime.errors import RuntimeFault, SessionError
from lmdm_runtime.prompts import Conditioning, Mix, dominant, normalised_mix
from lmdm_runtime.settings import Settings, Tuning
from lmdm_runtime.sketch_stream import SketchStream
from lmdm_runtime.whole_block import make_sampler


class Session:
    """Plays a bundle. Not for several threads at once.

    Args:
        seed: key of all noise; the same seed, prompts and controls give the same music.
        steps: solver steps a block; None keeps the bundle's schedule.
        guidance_scale, solver: None keeps the bundle's.
        options: threads and memory of ONNX Runtime; `backend` replaces it by another backend.

    Attributes:
        settings: what the next blocks are made with; `tune` changes it.
        block_index: the block that comes next, counted from 0.
        timings: milliseconds of each stage of the last block: controls, prompt, context, steps, decode, total.
        latent_block: the last clean block [1, C, o]; None before the first.

    Raises:
        SessionError: a setting that the bundle cannot serve.
        BundleError: a graph does not load, or is not what the manifest states.
    """

    def __init__(
        self,
        bundle: Bundle,
        seed: int = 0,
        steps: int | None = None,
        guidance_scale: float | None = None,
        solver: str | None = None,
        *,
        options: OrtOptions | None = None,
        backend: Backend | None = None,
    ) -> None:
        manifest = bundle.manifest
        self.bundle, self.model, self.sampling = bundle, manifest.model, manifest.sampling
        self.settings = Settings.of(manifest, seed, steps, guidance_scale)
        self.solver_name = solver or manifest.sampling.solver
        self.backend = backend or OrtBackend(bundle, options)
        self.controls = Controls(bundle, self.backend)
        seconds = manifest.sampling.seconds_total
        window_seconds = (self.model.context + self.model.block) * manifest.codec.frame_size // manifest.codec.sample_rate
        self._conditioning = Conditioning(bundle, self.backend, float(window_seconds) if seconds is None else seconds)
        self._sampler = make_sampler(manifest, self.backend, self.solver_name)
        kind = BlockContext if self.model.pattern == "block-causal" else WindowContext
        self._context: ContextCache = kind(manifest, self.backend, self._conditioning.buffers, self._sampler.buffers)
        self._decoder = StreamDecoder(bundle, self.backend)
        self._encoder: StreamEncoder | None = None
        self._mix: Mix | None = None
        self.reset()

    @property
    def sample_rate(self) -> int:
        return self.bundle.manifest.codec.sample_rate

    @property
    def block_samples(self) -> int:
        """Samples that one block gives."""
        return self.model.block * self.bundle.manifest.codec.frame_size

    @property
    def delay_samples(self) -> int:
        """Samples by which the codec's look-ahead delays the audio behind the latent block."""
        return self.bundle.manifest.codec.decoder.delay * self.bundle.manifest.codec.frame_size

    @property
    def sketch(self) -> SketchStream:
        """Choose its controls and feed it audio to follow; a SessionError where the bundle has no sketch controls."""
        return self.controls.sketch

    @property
    def accompaniment(self) -> AccompanimentStream:
        """Feed it audio to play along with; a SessionError where the bundle takes none."""
        return self.controls.accompaniment

    def reset(self) -> None:
        """Begins the piece again: null context, block 0, a codec that has heard nothing, and nothing fed. What was set or tuned stays."""
        self.block_index = 0
        self._noise_block = 0
        self._followed: dict[str, NDArray[np.float32]] = {}
        self.timings: dict[str, float] = {}
        self.latent_block: NDArray[np.float32] | None = None
        self._clean = np.zeros((1, self.model.latent_channels, self.model.context), dtype=np.float32)
        self._dominant: str | None = None
        self._cached = False
        self._applied: Mix | None = None
        self.controls.reset()
        self._decoder.reset()

    def tune(self, **tuning: Unpack[Tuning]) -> None:
        """What is given changes from the next block on; the rest stays as it is.

        Raises:
            SessionError: a value that is out of range or that the bundle cannot serve; nothing has changed then.
        """
        self.settings = self.settings.tuned(**tuning)

    def set_prompt(self, prompt: str) -> None:
        """One prompt from the next block on."""
        self.set_prompts([(prompt, 1.0)])

    def set_prompts(self, prompts: Iterable[tuple[str, float]]) -> None:
        """A mix of (prompt, weight) from the next block on; weights are scaled to sum 1.

        Raises:
            SessionError: an empty mix, bad weights, or a prompt without embedding in a bundle without text encoder.
        """
        mix = normalised_mix(prompts)
        self._conditioning.require_known(mix)
        self._mix = mix

    def set_embedding(self, prompt: str, embedding: NDArray) -> None:
        """Gives the text embedding [text_tokens, text_width] that `prompt` stands for; `set_prompt` then uses it."""
        self._conditioning.give(prompt, embedding)
        self._applied = None

    def set_control(self, name: str, values: ArrayLike) -> None:
        """Local control from the next block on: a number, [channels], or [channels, frames] whose last frame is held.

        Raises:
            SessionError: unknown control, wrong shape, or values that are not finite.
        """
        self.controls.set(name, values)

    def draw(self, kind: str, values: ArrayLike) -> None:
        """A sketch control from the next block on, drawn by hand: [frames] or [voices, frames] in the unit of its axis, NaN for a rest.

        The last frame is held; see `lmdm_runtime.drawing`.

        Raises:
            SessionError: no such sketch control, one that audio feeds now, or values that are not on its axis.
        """
        self.controls.set(*drawn_group(self.bundle.manifest.controls, kind, values))

    def prime(self, audio: NDArray) -> NDArray[np.float32]:
        """Makes audio the context that the next block continues.

        Args:
            audio: [channels, samples] at the bundle's sample rate; samples at the beginning that do not fill a frame are left out.

        Before the first block the codec decoder hears the same frames, so that the music goes on where the audio ends.

        Returns:
            What the decoder makes of the last block of the audio, [channels, block_samples], `delay_samples` late like all that it makes;
            `lmdm_runtime.joining` blends the audio into it. Without the silence before a delayed stream; empty [channels, 0] in the
            middle of a piece, or for audio too short to be heard.

        Raises:
            SessionError: wrong channels, less than one frame, or samples that are not finite.
        """
        samples = whole_frames(audio, self.bundle.manifest.codec)
        if self._encoder is None:
            self._encoder = StreamEncoder(self.bundle, self.backend)
        frames = self._encoder.encode(samples)
        self.controls.prime(samples)
        newest = frames[..., -self.model.context :]
        self._clean = np.pad(newest, ((0, 0), (0, 0), (self.model.context - newest.shape[2], 0)))
        self._cached = False
        if self.block_index == 0:
            return self._decoder.begin(newest)
        return np.zeros((self.bundle.manifest.codec.audio_channels, 0), dtype=np.float32)

    def next_block(self) -> NDArray[np.float32]:
        """Makes the next block: audio [channels, block * frame_size].

        Raises:
            SessionError: no prompt has been set.
            RuntimeFault: a graph failed, or the block is not finite.
        """
        latents = self.next_latents()
        with self._timed("decode"):
            audio = self._decoder.decode(latents)
        self.timings["total"] = sum(self.timings.values())
        return audio

    def next_latents(self) -> NDArray[np.float32]:
        """Makes the next clean block [1, C, o] without decoding it; for tools that need no sound."""
        if self._mix is None:
            raise SessionError("no prompt has been set; call set_prompt before the first block")
        self.timings = {}
        with self._timed("controls"):
            self.controls.prepare()
        with self._timed("prompt"):
            changed = self._enter(self._mix)
        with self._timed("context"):
            anew, self._cached = changed or not self._cached, False
            held = self._context.encode(self._clean, self.controls.history(), anew=anew, hold=self._sampler.whole_block)
        followed = self.controls.block()
        noise_block = self._noise_block if self.settings.hold_noise else self.block_index
        with self._timed("steps"):
            latents = self._sampler.sample(self._context.decoder, followed, self.settings, noise_block, held)
            if not np.isfinite(latents).all():
                raise RuntimeFault(
                    f"block {self.block_index} holds values that are not finite; reset the session, and run lmdm validate on the bundle"
                )
        self.controls.advance()
        entering = latents * np.float32(self.settings.feedback)
        self._clean = np.concatenate((self._clean, entering), axis=2)[..., -self.model.context :]
        # Only now, so that a block that failed is begun again from the clean context.
        self._cached = True
        self.latent_block, self._followed, self._noise_block = latents, followed, noise_block
        self.block_index += 1
        return latents

    def control(self, name: str) -> NDArray[np.float32]:
        """What the newest block followed of a control group, [channels, o]; [channels, 0] before the first block.

        Raises:
            SessionError: unknown group.
        """
        channels = {group.name: group.channels for group in self.bundle.manifest.groups}
        if name not in channels:
            raise SessionError(f"this bundle has no control {name!r}; it has {', '.join(channels) or 'none'}")
        return self._followed[name][0] if name in self._followed else np.zeros((channels[name], 0), np.float32)

    def _enter(self, mix: Mix) -> bool:
        """Conditions the next block on the mix; whether the dominant prompt has just changed, which drops the oldest context once."""
        if mix != self._applied:
            self._conditioning.apply(mix)
            self._applied = mix
        before, self._dominant = self._dominant, dominant(mix)
        changed = before is not None and before != self._dominant
        if changed:
            self._clean = self._clean.copy()
            self._clean[..., : self.settings.context_drop] = 0
        return changed

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        start = perf_counter()
        yield
        self.timings[stage] = (perf_counter() - start) * 1000
