"""Runtime room: loads a bundle and streams audio from it with numpy and ONNX Runtime. Knows nothing of torch."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lmdm_runtime.backends.onnxruntime import OrtOptions
    from lmdm_runtime.bundle import Bundle, load_bundle
    from lmdm_runtime.errors import BundleError, LmdmError, RuntimeFault, SessionError
    from lmdm_runtime.session import Session

# Looked up when first used: the command line lists its commands without loading ONNX Runtime.
_HOMES = {
    "Bundle": "bundle",
    "BundleError": "errors",
    "LmdmError": "errors",
    "OrtOptions": "backends.onnxruntime",
    "RuntimeFault": "errors",
    "Session": "session",
    "SessionError": "errors",
    "load_bundle": "bundle",
}

__all__ = ["Bundle", "BundleError", "LmdmError", "OrtOptions", "RuntimeFault", "Session", "SessionError", "load_bundle"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
