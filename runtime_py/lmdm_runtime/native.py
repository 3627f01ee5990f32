"""The C++ engine behind the interface of `Session`: the module `lmdm_native`, which `pip install ./runtime_cpp/bindings` builds."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmdm_runtime.audio_input import require_audio
from lmdm_runtime.bundle import Bundle
from lmdm_runtime.drawing import drawn_group
from lmdm_runtime.errors import LmdmError, SessionError
from lmdm_runtime.settings import Tuning, chosen_noise


class NativeSession:
    """Plays a bundle in C++; arguments, attributes and errors are those of `Session`. Not for several threads at once, but for `cancel`.

    Args:
        threads: for the operators of one graph, by default what `lmdm threads` chose for this machine, else the physical cores.
        library: the shared library of ONNX Runtime, by default the one of the Python package `onnxruntime`.

    Raises:
        LmdmError: the module or ONNX Runtime is not there.
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
        threads: int | None = None,
        library: Path | None = None,
    ) -> None:
        native = _module()
        chosen_noise(seed)
        self.bundle = bundle
        self.generator = native.Generator(
            native.Bundle.load(bundle.folder), seed, steps, guidance_scale, solver, library=library or _wheel() or "", threads=threads or 0
        )
        self.sketch, self.accompaniment = NativeSketch(self), NativeAccompaniment(self)

    @property
    def block_index(self) -> int:
        return self.generator.block_index

    @property
    def timings(self) -> dict[str, float]:
        return self.generator.timings

    @property
    def latent_block(self) -> NDArray[np.float32] | None:
        return self.generator.latent_block()[None] if self.block_index else None

    @property
    def sample_rate(self) -> int:
        return self.generator.sample_rate

    @property
    def block_samples(self) -> int:
        return self.generator.block_samples

    @property
    def delay_samples(self) -> int:
        return self.generator.delay_samples

    def reset(self) -> None:
        """Begins the piece again; what was set or chosen stays."""
        self.generator.reset()
        self.accompaniment.on = False

    def tune(self, **tuning: Unpack[Tuning]) -> None:
        """What is given changes from the next block on; the rest stays as it is."""
        if "seed" in tuning:
            chosen_noise(tuning["seed"])
        self.generator.tune(**tuning)

    def set_prompt(self, prompt: str) -> None:
        """One prompt from the next block on."""
        self.set_prompts([(prompt, 1.0)])

    def set_prompts(self, prompts: Iterable[tuple[str, float]]) -> None:
        """A mix of (prompt, weight) from the next block on."""
        self.generator.set_prompts([(prompt, float(weight)) for prompt, weight in prompts])

    def set_embedding(self, prompt: str, embedding: NDArray) -> None:
        """Gives the text embedding [text_tokens, text_width] that `prompt` stands for."""
        values = np.asarray(embedding, np.float32)
        self.generator.set_embedding(prompt, values.reshape(values.shape[-2:] if values.ndim > 1 else (1, -1)))

    def set_control(self, name: str, values: ArrayLike) -> None:
        """Local control from the next block on: a number, [channels], or [channels, frames] whose last frame is held."""
        array = np.asarray(values, np.float32)
        if array.ndim == 0:
            channels = {group.name: group.channels for group in self.bundle.manifest.groups}
            array = np.full((channels.get(name, 1), 1), array)
        self.generator.set_control(name, array[:, None] if array.ndim == 1 else array)

    def draw(self, kind: str, values: ArrayLike) -> None:
        """A sketch control from the next block on, drawn by hand in the unit of its axis; see `lmdm_runtime.drawing`."""
        self.generator.set_control(*drawn_group(self.bundle.manifest.controls, kind, values))

    def prime(self, audio: NDArray) -> NDArray[np.float32]:
        """Makes audio [channels, samples] the context that the next block continues."""
        return self.generator.prime(self.planar(audio, "priming audio"))

    def next_block(self) -> NDArray[np.float32]:
        """Makes the next block: audio [channels, block_samples]."""
        return self.generator.next_block()

    def next_latents(self) -> NDArray[np.float32]:
        """Makes the next clean block [1, C, o] without decoding it."""
        return self.generator.next_latents()[None]

    def control(self, name: str) -> NDArray[np.float32]:
        """What the newest block followed of a control group, [channels, o]; [channels, 0] before the first block."""
        return self.generator.control(name)

    def cancel(self) -> None:
        """Ends the call that is under way, and every later one, with a RuntimeFault, until `resume`; from any thread."""
        self.generator.cancel()

    def resume(self) -> None:
        self.generator.resume()

    def planar(self, audio: ArrayLike, what: str) -> NDArray[np.float32]:
        """Audio of the bundle's channels; `what` names it in errors."""
        return require_audio(audio, self.bundle.manifest.codec.audio_channels, what)


class NativeSketch:
    """Audio that the music follows; see `SketchStream`."""

    def __init__(self, session: NativeSession) -> None:
        manifest = session.bundle.manifest
        self.groups = {control.kind: tuple(g.name for g in control.groups) for control in manifest.controls if control.source == "sketch"}
        self.chosen: tuple[str, ...] = ()
        self.median = 1 if manifest.sketch is None else manifest.sketch.median
        self._session = session

    def choose(self, controls: Iterable[str], smoothing: int | None = None) -> None:
        """Which controls the next blocks follow, and the length of the median in frames; None leaves it as it is."""
        wanted = (controls,) if isinstance(controls, str) else tuple(controls)
        self._session.generator.choose_sketch(wanted, smoothing)
        self.chosen = wanted
        self.median = self.median if smoothing is None else smoothing

    def set_strength(self, kind: str, strength: float) -> None:
        """Scales a control from the next block on, presence and all, between absent (0) and as heard (1)."""
        self._session.generator.set_strength(kind, strength)

    def feed(self, audio: ArrayLike) -> None:
        """Audio [channels, samples] at the bundle's rate, behind what was fed before."""
        self._session.generator.feed_sketch(self._session.planar(audio, "sketch audio"))


class NativeAccompaniment:
    """Audio that the music plays along with; see `AccompanimentStream`."""

    def __init__(self, session: NativeSession) -> None:
        self.on = False
        self._session = session

    @property
    def cutoff(self) -> int:
        """Frames from the window's start that are seen; 0 where the bundle takes no accompaniment."""
        return next((control.cutoff or 0 for control in self._session.bundle.manifest.controls if control.source == "accompaniment"), 0)

    def feed(self, audio: ArrayLike) -> None:
        """Audio [channels, samples] at the bundle's rate, behind what was fed before, and switches the accompaniment on."""
        self._session.generator.feed_accompaniment(self._session.planar(audio, "the accompaniment"))
        self.on = True

    def feed_frames(self, frames: ArrayLike) -> None:
        """Latent frames [C, N] or [1, C, N] that are known already, in place of audio."""
        array = np.asarray(frames, np.float32)
        channels = self._session.bundle.manifest.model.latent_channels
        array = array[0] if array.ndim == 3 and array.shape[0] == 1 else array
        if array.ndim != 2 or array.shape[0] != channels:
            raise SessionError(f"accompaniment frames have shape {list(array.shape)}, expected finite [{channels}, frames]")
        self._session.generator.feed_accompaniment_frames(array)
        self.on = True

    def stop(self) -> None:
        """No accompaniment from the next block on, and what was fed of it is forgotten."""
        self._session.generator.stop_accompaniment()
        self.on = False


def _module() -> Any:
    try:
        return importlib.import_module("lmdm_native")
    except ImportError as error:
        raise LmdmError(
            f"the C++ engine is not installed ({error}); from the project's folder, run: pip install ./runtime_cpp/bindings"
        ) from None


def _wheel() -> Path | None:
    """The shared library in the Python package `onnxruntime`, which is not imported for it."""
    found = importlib.util.find_spec("onnxruntime")
    if found is None or found.origin is None:
        return None
    libraries = sorted((Path(found.origin).parent / "capi").glob("libonnxruntime.*"))
    return libraries[0] if libraries else None
