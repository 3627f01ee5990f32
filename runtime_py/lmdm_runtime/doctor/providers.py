"""ONNX Runtime as it really is: imported, with the providers that it offers."""

from __future__ import annotations

from lmdm_runtime.doctor.finding import Finding
from lmdm_runtime.doctor.packages import installed

FLAVOURS = ("onnxruntime", "onnxruntime-gpu")


def onnxruntime_providers() -> Finding:
    present = [name for name in FLAVOURS if installed(name) is not None]
    if len(present) == len(FLAVOURS):
        fix = "pip uninstall -y onnxruntime onnxruntime-gpu && pip install onnxruntime   (or onnxruntime-gpu)"
        return Finding("onnxruntime", "fault", "both onnxruntime and onnxruntime-gpu are installed, and they are the same module", fix)
    try:
        import onnxruntime
    except ImportError as failure:
        return Finding("onnxruntime", "fault", f"cannot be imported: {failure}", "pip install --force-reinstall onnxruntime")
    names = onnxruntime.get_available_providers()
    short = ", ".join(name.removesuffix("ExecutionProvider") for name in names)
    return Finding(
        "onnxruntime",
        "ok",
        f"{onnxruntime.__version__}, providers {short}",
        details={"version": onnxruntime.__version__, "providers": names},
    )
