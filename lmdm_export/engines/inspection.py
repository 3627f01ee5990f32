"""The graphs of a bundle as two libraries read them: Polygraphy (ONNX) and a TensorRT package (layers), each in a process of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lmdm_export.engines.child import run_worker
from lmdm_export.errors import ExportError
from lmdm_runtime.bundle import Bundle
from lmdm_runtime.engines.packages import EnginePackage

# Its console script, whose place depends on the installation.
POLYGRAPHY = (sys.executable, "-c", "import sys; from polygraphy.tools import main; sys.exit(main())")


def inspect_graphs(bundle: Bundle, package: EnginePackage, graphs: Sequence[str] = ()) -> dict[str, dict[str, Any]]:
    """By graph: what Polygraphy counts in the file, and the layers that the package makes of it, by kind.

    Raises:
        ExportError: an unknown graph, or a library cannot read one.
    """
    names = tuple(graphs) or tuple(bundle.manifest.graphs)
    found = {}
    for name in names:
        if name not in bundle.manifest.graphs:
            raise ExportError(f"the bundle has no graph {name}; it has {', '.join(bundle.manifest.graphs)}")
        path = bundle.graph_path(name)
        layers = run_worker({"module": package.module, "onnx": str(path.absolute()), "plan": None})
        found[name] = {"onnx": polygraphy_counts(path), "layers": layers["layers"], "kinds": layers["kinds"]}
    return found


def polygraphy_counts(path: Path) -> dict[str, int]:
    """Inputs, outputs, initialisers, nodes and opset of an ONNX file, as `polygraphy inspect model` prints them.

    Raises:
        ExportError: Polygraphy cannot read it.
    """
    made = subprocess.run([*POLYGRAPHY, "inspect", "model", str(path)], capture_output=True, text=True, check=False)
    words = {"inputs": r"(\d+) Graph Input", "outputs": r"(\d+) Graph Output", "initialisers": r"(\d+) Initializer", "nodes": r"(\d+) Node"}
    counts = {name: re.search(pattern, made.stdout) for name, pattern in (words | {"opset": r"ONNX Opset: (\d+)"}).items()}
    if made.returncode != 0 or any(count is None for count in counts.values()):
        last = (made.stderr or made.stdout).strip().splitlines()[-1:]
        raise ExportError(f"polygraphy cannot read {path} ({' '.join(last) or 'it said nothing'}); run: polygraphy inspect model {path}")
    return {name: int(count[1]) for name, count in counts.items() if count is not None}


def print_inspection(found: dict[str, dict[str, Any]]) -> None:
    """A line for each graph."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in ("graph", "opset", "nodes", "initialisers", "layers", "kinds of layer"):
        table.add_column(column, overflow="fold")
    for name, entry in found.items():
        counts = entry["onnx"]
        kinds = ", ".join(f"{kind} {count}" for kind, count in entry["kinds"].items())
        table.add_row(name, *(str(counts[key]) for key in ("opset", "nodes", "initialisers")), str(entry["layers"]), kinds)
    Console().print(table, highlight=False)
