"""lmdm/c.h for ctypes: what a program in any language would declare."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

OK, BUNDLE, SESSION, RUNTIME, ENVIRONMENT, CANCELLED, ARGUMENT = range(7)
INPUT_NONE, INPUT_SKETCH, INPUT_ACCOMPANIMENT, INPUT_BOTH = range(4)
Int, Size, Real, Pointer = ctypes.c_int32, ctypes.c_size_t, ctypes.c_double, ctypes.c_void_p


class Sized(ctypes.Structure):
    """A struct that begins with its size."""

    def __init__(self, **fields: Any) -> None:
        super().__init__(struct_size=ctypes.sizeof(self), **fields)


class GeneratorOptions(Sized):
    _fields_ = (
        ("struct_size", Size),
        ("seed", ctypes.c_uint64),
        ("solver", ctypes.c_char_p),
        ("guidance_scale", Real),
        ("has_guidance_scale", Int),
        ("steps", Int),
        ("onnxruntime", ctypes.c_char_p),
        ("provider", Int),
        ("threads", Int),
        ("small", Int),
        ("device", Int),
    )


class GeneratorInfo(Sized):
    _fields_ = (
        ("struct_size", Size),
        ("sample_rate", Int),
        ("channels", Int),
        ("block_samples", Size),
        ("delay_samples", Size),
        *((name, Int) for name in ("latent_channels", "block_frames", "context_frames", "text_tokens", "text_width", "reserved")),
        ("block_index", ctypes.c_uint64),
    )


class Timings(Sized):
    _fields_ = (("struct_size", Size), *((stage, Real) for stage in ("controls", "prompt", "context", "steps", "decode")))


class ProcessorOptions(Sized):
    _fields_ = (("struct_size", Size), ("input", Int), ("underrun", Int), ("margin_seconds", Real), ("offline", Int), ("priority", Int))


class Metrics(Sized):
    _fields_ = (
        ("struct_size", Size),
        *((name, ctypes.c_uint64) for name in ("blocks", "underruns", "underrun_samples", "dropped_blocks")),
        *((name, Real) for name in ("block_ms", "worst_block_ms", "block_seconds", "buffered_seconds")),
        ("priority", Int),
        ("failed", Int),
        *((f"{stage}_ms", Real) for stage in ("controls", "prompt", "context", "steps", "decode")),
    )


class Tuning(Sized):
    """Fields that are given, by name; the others stay as they are."""

    _fields_ = (
        ("struct_size", Size),
        ("seed", ctypes.c_uint64),
        ("guidance_scale", Real),
        ("feedback", Real),
        *((name, Int) for name in ("steps", "context_drop", "hold_noise")),
        *((f"has_{name}", Int) for name in ("seed", "guidance_scale", "feedback", "steps", "context_drop", "hold_noise")),
        ("reserved", Int),
    )

    def __init__(self, **values: Any) -> None:
        super().__init__(**values, **{f"has_{name}": 1 for name in values})


class Refusal(Exception):
    """A status that is not OK, and its sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Library:
    """The shared library; `call` appends the error buffer, and turns a status into a Refusal."""

    def __init__(self, path: Path) -> None:
        self.c = ctypes.CDLL(str(path))
        self.c.lmdm_version.restype = ctypes.c_char_p

    def call(self, function: str, *arguments: Any) -> None:
        error = ctypes.create_string_buffer(512)
        status = getattr(self.c, f"lmdm_{function}")(*arguments, error, Size(len(error)))
        if status != OK:
            raise Refusal(status, error.value.decode())

    def free(self, kind: str, handle: Pointer) -> None:
        getattr(self.c, f"lmdm_{kind}_free")(handle)


def floats(values: NDArray[np.float32]) -> Any:
    assert values.dtype == np.float32
    assert values.flags.c_contiguous
    return values.ctypes.data_as(ctypes.POINTER(ctypes.c_float))


def planes(audio: NDArray[np.float32]) -> Any:
    """One pointer for each channel of [channels, samples]."""
    return (ctypes.POINTER(ctypes.c_float) * len(audio))(*(floats(channel) for channel in audio))


def texts(strings: Sequence[str]) -> Any:
    return (ctypes.c_char_p * len(strings))(*(string.encode() for string in strings))


class CGenerator:
    """A generator behind the C ABI, with the names of a Python session."""

    def __init__(self, library: Library, bundle: Path, **options: Any) -> None:
        self.library, self.handle, loaded = library, Pointer(), Pointer()
        library.call("bundle_load", str(bundle).encode(), ctypes.byref(loaded))
        try:
            given = GeneratorOptions(threads=1, **options)
            library.call("generator_create", loaded, ctypes.byref(given), ctypes.byref(self.handle))
        finally:
            library.free("bundle", loaded)
        self.info = GeneratorInfo()
        self.call("get_info", ctypes.byref(self.info))

    def close(self) -> None:
        self.library.free("generator", self.handle)
        self.handle = Pointer()

    def call(self, function: str, *arguments: Any) -> None:
        self.library.call(f"generator_{function}", self.handle, *arguments)

    def set_prompts(self, mix: Sequence[tuple[str, float]]) -> None:
        weights = (Real * len(mix))(*(weight for _, weight in mix))
        self.call("set_prompts", texts([prompt for prompt, _ in mix]), weights, Size(len(mix)))

    def set_control(self, group: str, values: NDArray[np.float32]) -> None:
        """Values [channels, frames]."""
        self.call("set_control", group.encode(), floats(values), Size(values.size), Size(values.shape[1]))

    def choose_sketch(self, kinds: Sequence[str], smoothing: int = 0) -> None:
        self.call("choose_sketch", texts(kinds), Size(len(kinds)), Int(smoothing))

    def feed_sketch(self, audio: NDArray[np.float32]) -> None:
        self.call("feed_sketch", floats(audio), Size(audio.shape[1]))

    def tune(self, **values: Any) -> None:
        self.call("tune", ctypes.byref(Tuning(**values)))

    def set_strength(self, kind: str, strength: float) -> None:
        self.call("set_strength", kind.encode(), Real(strength))

    def control(self, group: str, count: int) -> NDArray[np.float32]:
        """`count` values of room."""
        values, written = np.empty(count, dtype=np.float32), Size()
        self.call("control", group.encode(), floats(values), Size(count), ctypes.byref(written))
        return values[: written.value]

    def prime(self, audio: NDArray[np.float32]) -> NDArray[np.float32]:
        heard = np.empty(self.info.channels * self.info.block_samples, dtype=np.float32)
        samples = Size()
        self.call("prime", floats(audio), Size(audio.shape[1]), floats(heard), Size(heard.size), ctypes.byref(samples))
        return heard[: self.info.channels * samples.value].reshape(self.info.channels, -1)

    def next_block(self) -> NDArray[np.float32]:
        audio = np.empty((self.info.channels, self.info.block_samples), dtype=np.float32)
        self.call("next_block", floats(audio), Size(audio.size))
        return audio

    def next_latents(self) -> NDArray[np.float32]:
        latents = np.empty((1, self.info.latent_channels, self.info.block_frames), dtype=np.float32)
        self.call("next_latents", floats(latents), Size(latents.size))
        return latents
