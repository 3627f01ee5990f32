"""Backends: what runs the graphs of a bundle, behind one small interface, and the table of those that `--engine` names."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

from lmdm_runtime.distribution import install_command
from lmdm_runtime.errors import LmdmError

if TYPE_CHECKING:
    from lmdm_runtime.backends.base import Backend
    from lmdm_runtime.bundle import Bundle


class EngineEntry(NamedTuple):
    """One engine. `target` is "module:class" of a `Backend`; `extra` is the extra of `lmdm` that it needs, if any; `rounds`: it computes a
    float32 bundle in fewer bits, so the bounds of float32 are not its bounds."""

    target: str
    summary: str
    extra: str | None = None
    rounds: bool = False


class BackendClass(Protocol):
    """What a target of the table is: a `Backend` that opens itself on a bundle."""

    def open(self, bundle: Bundle, threads: int | None) -> Backend: ...


ENGINES: dict[str, EngineEntry] = {
    "onnxruntime": EngineEntry("lmdm_runtime.backends.onnxruntime:OrtBackend", "ONNX Runtime on the CPU"),
    "openvino": EngineEntry("lmdm_runtime.backends.openvino:OpenVinoBackend", "OpenVINO on the CPU, float32", "openvino"),
    "openvino-bf16": EngineEntry(
        "lmdm_runtime.backends.openvino:Bfloat16Backend", "OpenVINO computing in bfloat16: faster, not exact", "openvino", rounds=True
    ),
    "tensorrt": EngineEntry("lmdm_runtime.backends.tensorrt:TensorRtBackend", "TensorRT engines of lmdm build", "tensorrt"),
    "tensorrt-rtx": EngineEntry("lmdm_runtime.backends.tensorrt:TensorRtRtxBackend", "TensorRT-RTX engines of lmdm build", "tensorrt-rtx"),
}
DEFAULT = "onnxruntime"


def make_backend(name: str, bundle: Bundle, threads: int | None = None) -> Backend:
    """The engine `name` of `ENGINES` on a bundle; only now is its library imported.

    Args:
        threads: for the operators of one graph; None is the engine's own choice.

    Raises:
        LmdmError: no engine has that name, or its package is absent or does not load.
    """
    if name not in ENGINES:
        raise LmdmError(f"no engine {name!r}; the engines are {', '.join(ENGINES)}")
    entry = ENGINES[name]
    module, _, attribute = entry.target.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        raise LmdmError(
            f"engine {name} needs the Python package {package}, which is not installed; run: {install_command(entry.extra)}"
        ) from error
    except ImportError as error:
        raise LmdmError(f"engine {name} cannot be loaded ({error}); run: {install_command(entry.extra)}") from error
    return cast(BackendClass, found).open(bundle, threads)
