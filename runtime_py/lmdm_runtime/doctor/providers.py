"""ONNX Runtime as it really is, imported, with the providers that it offers; OpenVINO by its metadata alone."""

from __future__ import annotations

from lmdm_runtime.distribution import install_command
from lmdm_runtime.doctor import processor
from lmdm_runtime.doctor.finding import Finding
from lmdm_runtime.doctor.packages import installed

FLAVOURS = ("onnxruntime", "onnxruntime-gpu")
BFLOAT16 = ("avx512_bf16", "amx_bf16", "bf16")


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


def openvino() -> Finding:
    """The optional engine, and whether this processor computes in bfloat16, where it is worth most."""
    version = installed("openvino")
    if version is None:
        return Finding("openvino", "optional", "not installed; only `--engine openvino` needs it", install_command("openvino"))
    features = (processor.features().details or {})["features"]
    rounded = next((name for name in BFLOAT16 if name in features), None)
    engines = f"--engine openvino and openvino-bf16 ({rounded})" if rounded else "--engine openvino; no bfloat16 on this processor"
    return Finding("openvino", "ok", f"{version}: {engines}", details={"version": version, "bfloat16": rounded is not None})
