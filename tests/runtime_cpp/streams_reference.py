"""The same requests to the streams of the C++ engine and to the classes of the Python runtime."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lmdm_runtime import SessionError, load_bundle
from lmdm_runtime.accompaniment import AccompanimentStream
from lmdm_runtime.audio_input import whole_frames
from lmdm_runtime.backends.onnxruntime import OrtBackend, OrtOptions
from lmdm_runtime.bundle import Bundle
from lmdm_runtime.codec_stream import LiveEncoder, StreamDecoder, StreamEncoder
from lmdm_runtime.control_entry import ControlEntry, Group
from lmdm_runtime.controls import Controls
from lmdm_runtime.errors import BundleError, LmdmError, RuntimeFault
from lmdm_runtime.sketch_stream import SketchStream
from tests.runtime_cpp.programs import run

Request = dict[str, Any]
KINDS = {BundleError: 1, SessionError: 2, RuntimeFault: 3}


def request(op: str, **values: Any) -> Request:
    return {"op": op, **values}


@dataclass
class Reference:
    """Answers as the C++ probe does, by the Python runtime."""

    bundle: Bundle

    @cached_property
    def backend(self) -> OrtBackend:
        return OrtBackend(self.bundle, OrtOptions(threads=1))

    @cached_property
    def decoder(self) -> StreamDecoder:
        return StreamDecoder(self.bundle, self.backend)

    @cached_property
    def encoder(self) -> StreamEncoder:
        return StreamEncoder(self.bundle, self.backend)

    @cached_property
    def live(self) -> LiveEncoder:
        return LiveEncoder(self.bundle, self.backend)

    @cached_property
    def sketch(self) -> SketchStream:
        return SketchStream(self.bundle, self.backend)

    @cached_property
    def controls(self) -> Controls:
        return Controls(self.bundle, self.backend)

    def answer(self, asked: Request) -> Any:
        *place, act = asked["op"].split(".")
        if asked["op"] == "accompaniment.begin":
            model = self.bundle.manifest.model
            groups = (Group("accomp_mask", 1), Group("accomp_input", model.latent_channels))
            control = ControlEntry("accompaniment", "accompaniment", groups, cutoff=asked["cutoff"], t_f=asked["cutoff"] - model.context)
            self.accompaniment = AccompanimentStream(self.bundle, self.backend, control)
            return None
        try:
            stream: Any = self
            for name in place:
                stream = getattr(stream, name)
            return self._perform(stream, act, asked)
        except LmdmError as error:
            return {"error": str(error), "kind": KINDS[type(error)]}

    def _perform(self, stream: Any, act: str, asked: Request) -> Any:
        codec = self.bundle.manifest.codec
        if act in ("silent", "known"):
            return getattr(stream, act)
        if act in ("encode", "prime"):
            return getattr(stream, act)(whole_frames(_rows(asked["audio"], codec.audio_channels), codec))
        if act in ("push", "feed", "analyse"):
            return getattr(stream, act)(_rows(asked["audio"], codec.audio_channels))
        if act in ("decode", "feed_frames"):
            frames = _rows(asked["frames"], self.bundle.manifest.model.latent_channels)
            return getattr(stream, act)(frames[None])
        if act == "set":
            return stream.set(asked["name"], _rows(asked["values"], len(np.ravel(asked["values"])) // asked["frames"]))
        if act == "choose":
            return stream.choose(asked["kinds"], asked["smoothing"])
        if act == "fitting":
            return stream.fitting(asked["available"], asked["wanted"])
        return getattr(stream, act)()


def _rows(values: ArrayLike, rows: int) -> np.ndarray:
    with np.errstate(over="ignore"):
        flat = np.asarray(values, dtype=np.float32)
    return flat.reshape(rows, -1) if flat.size % rows == 0 else flat


def python_answers(folder: Path, requests: list[Request]) -> list[Any]:
    reference = Reference(load_bundle(folder))
    return [reference.answer(asked) for asked in requests]


def cpp_answers(folder: Path, requests: list[Request]) -> list[Any]:
    plain = [{key: value.ravel().tolist() if isinstance(value, np.ndarray) else value for key, value in r.items()} for r in requests]
    return json.loads(run("streams_probe", folder, given=json.dumps(plain)))


def furthest(found: list[Any], expected: list[Any]) -> float:
    """Largest difference of any two numbers; everything else must be equal, refusals to the letter."""
    apart = [0.0]
    for one, other in zip(found, expected, strict=True):
        if isinstance(other, dict) and "error" not in other:
            assert set(one) == set(other)
            apart += [_apart(one[name], other[name]) for name in other]
        elif isinstance(other, np.ndarray):
            apart.append(_apart(one, other))
        else:
            assert one == other
    return max(apart)


def _apart(found: Any, expected: np.ndarray) -> float:
    flat = np.asarray(found, dtype=np.float64)
    assert flat.shape == (expected.size,)
    return float(np.abs(flat - expected.ravel()).max(initial=0))
