"""The key of an engine: everything that it holds for, and hence everything that must match when it is loaded."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields

from lmdm_runtime.bundle import Bundle
from lmdm_runtime.engines.packages import EnginePackage
from lmdm_runtime.engines.solver_step import SOLVER_STEP, SOLVER_STEP_FORM
from lmdm_runtime.manifest import Port

WORDS = {
    "package": "package",
    "version": "version",
    "target": "compute capability",
    "cuda": "CUDA driver",
    "precision": "precision",
    "system": "system",
    "shapes": "shapes",
    "graphs": "graphs and weights",
}


@dataclass(frozen=True)
class EngineKey:
    """What the engines of one folder hold for.

    `target` is a compute capability such as 8.9. `cuda` is the driver's CUDA version where kernels were timed on a GPU, None for engines
    that are built ahead of time, which any driver may run. `shapes` and `graphs` are SHA-256 over the ports and over the graphs with their
    weights.
    """

    package: str
    version: str
    target: str
    cuda: str | None
    precision: str
    system: str
    shapes: str
    graphs: str

    @property
    def folder(self) -> str:
        """The name of the engines' folder: readable parts, then twelve digits that stand for all of them."""
        digest = hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()
        return f"{self.package}-{self.version}-sm{self.target.replace('.', '')}-{self.precision}-{digest[:12]}"

    def differences(self, other: EngineKey) -> list[tuple[str, str, str]]:
        """(word, own value, other's value) of every part that differs."""
        found = []
        for field in fields(self):
            mine, theirs = getattr(self, field.name), getattr(other, field.name)
            if mine != theirs:
                found.append((WORDS[field.name], _short(mine), _short(theirs)))
        return found


def engine_key(bundle: Bundle, package: EnginePackage, version: str, target: str, cuda: str | None) -> EngineKey:
    """The key of a bundle's engines for one GPU architecture; `cuda` is the driver's version on the machine that builds or runs them."""
    manifest = bundle.manifest
    stated = manifest.document.get("precision") or {}
    return EngineKey(
        package=package.name,
        version=version,
        target=target,
        cuda=None if package.ahead_of_time else cuda,
        precision=str(stated.get("kind", "float32")),
        system=f"{platform.system()}-{platform.machine()}".lower(),
        shapes=_digest([f"{name} {_ports(graph.inputs)} {_ports(graph.outputs)}" for name, graph in sorted(manifest.graphs.items())]),
        graphs=_digest([*(f"{name} {fingerprint(bundle, name)}" for name in sorted(manifest.graphs)), SOLVER_STEP_FORM]),
    )


def fingerprint(bundle: Bundle, graph: str) -> str:
    """SHA-256 of a graph and of the weights beside it, from the manifest's hashes, which `load_bundle` has held against the files."""
    if graph == SOLVER_STEP:
        return _digest([SOLVER_STEP_FORM])
    entries, files = bundle.manifest.graphs, {file.path: file.sha256 for file in bundle.manifest.files}
    weights = sorted(f"{path} {sha256}" for path, sha256 in files.items() if path.startswith("graphs/") and not path.endswith(".onnx"))
    return _digest([entries[graph].sha256, *weights])


def _ports(ports: Iterable[Port]) -> str:
    return "; ".join(f"{port.name} {port.dtype} {list(port.shape)}" for port in ports)


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _short(value: str | None) -> str:
    if value is None:
        return "none"
    return f"{value[:12]}…" if len(value) == 64 else value
