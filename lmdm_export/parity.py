"""Every written graph, run in ONNX Runtime on its fixture, against torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from lmdm_export.errors import ExportError


def require_parity(folder: Path, entries: dict[str, Any]) -> None:
    """Run the graphs of a folder, plain and fused, and add what was found to the `measured` of their fixtures.

    Tracing, folding, simplification and the sharing of weights are all between the module and the file; this looks past them at once.

    Raises:
        ExportError: an output misses torch by more than its fixture's tolerance.
    """
    for fixture, entry in entries.items():
        if not fixture.startswith("graph_"):
            continue
        name = fixture.removeprefix("graph_")
        plain, fused = folder / "graphs" / f"{name}.onnx", folder / "graphs" / f"{name}.fused.onnx"
        _require(entry, folder, plain, name, "onnxruntime", "--no-simplify")
        if fused.exists():
            _require(entry, folder, fused, f"{name}, fused,", "onnxruntime_fused", "--no-fused")


def _require(entry: dict[str, Any], folder: Path, graph: Path, name: str, measured: str, way_out: str) -> None:
    errors = _errors(graph, folder / entry["file"])
    entry["measured"][measured] = errors
    for output, bound in entry["tolerance"]["by_output"].items():
        # Written so that NaN fails.
        if not errors[output] <= bound:
            raise ExportError(
                f"graph {name} in ONNX Runtime {ort.__version__} misses torch by {errors[output]:.2g} in {output}, "
                f"allowed are {bound:.2g} (rounding); try {way_out}, or another version of onnxruntime"
            )


def _errors(graph: Path, fixture: Path) -> dict[str, float]:
    """Largest absolute error of each output."""
    options = ort.SessionOptions()
    options.log_severity_level = 3
    # One run does not repay a second copy of the weights in another layout.
    options.add_session_config_entry("session.disable_prepacking", "1")
    session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    with np.load(fixture, allow_pickle=False) as arrays:
        names = [port.name for port in session.get_outputs()]
        made = session.run(names, {port.name: arrays[f"input_{port.name}"] for port in session.get_inputs()})
        return {name: _furthest(arrays[f"output_{name}"], value) for name, value in zip(names, made, strict=True)}


def _furthest(expected: np.ndarray, found: np.ndarray) -> float:
    if expected.shape != found.shape:
        return float("inf")
    return float(np.max(np.abs(expected.astype(np.float64) - found)))
