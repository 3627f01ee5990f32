"""Engines on disk: found by their key, and refused with both sides named when something of it does not match."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lmdm_runtime.bundle import Bundle, inside, sha256_of
from lmdm_runtime.engines.key import EngineKey, fingerprint
from lmdm_runtime.errors import BundleError

FOLDER = "engines"
RECORD = "engine.json"


class EngineError(BundleError):
    """There is no engine that this machine may run, or one that is not what its record says."""


@dataclass(frozen=True)
class Plan:
    """One built graph. `graph` is the fingerprint of the graph with its weights, `sha256` that of the plan; `seconds` its build took."""

    file: str
    sha256: str
    bytes: int
    graph: str
    layers: int
    seconds: float


@dataclass(frozen=True)
class Record:
    """What engine.json says. `tf32` is whether float32 products may be rounded to 10 bits; `built_on` describes the machine, for people."""

    key: EngineKey
    plans: Mapping[str, Plan]
    tf32: bool = False
    built_on: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        plans = {name: asdict(plan) for name, plan in sorted(self.plans.items())}
        return {"key": asdict(self.key), "tf32": self.tf32, "built_on": dict(self.built_on), "plans": plans}


@dataclass(frozen=True)
class EngineFolder:
    """The engines of one key, and the bundle that they were built from."""

    bundle: Bundle
    path: Path
    record: Record

    def holds(self, graph: str) -> bool:
        """Whether the graph was built, from the graph and weights that the bundle has now, and its plan has its size."""
        plan = self.record.plans.get(graph)
        if plan is None or plan.graph != fingerprint(self.bundle, graph):
            return False
        path = inside(self.path, plan.file)
        return path.is_file() and path.stat().st_size == plan.bytes

    def plan(self, graph: str) -> bytes:
        """The plan of a graph.

        Raises:
            EngineError: it was not built, it belongs to another graph, or the file is not what was written.
        """
        again = f"run: {build_command(self.bundle, self.record.key, force=True)}"
        plan = self.record.plans.get(graph)
        if plan is None:
            raise EngineError(f"{self.path} holds no plan of graph {graph}; run: {build_command(self.bundle, self.record.key)}")
        expected = fingerprint(self.bundle, graph)
        if plan.graph != expected:
            raise EngineError(
                f"{self.path / plan.file} was built from a graph {plan.graph[:12]}…, the bundle's is {expected[:12]}…; {again}"
            )
        path = inside(self.path, plan.file)
        if not path.is_file():
            raise EngineError(f"{path} is missing; {again}")
        found = sha256_of(path)
        if found != plan.sha256:
            raise EngineError(f"{path} has SHA-256 {found[:12]}…, its record says {plan.sha256[:12]}…; {again}")
        return path.read_bytes()


def build_command(bundle: Bundle, key: EngineKey, *, force: bool = False) -> str:
    """What builds the engines of a key; `--target` only where it may be chosen."""
    target = f" --target {key.target}" if key.cuda is None else ""
    return f"lmdm build {bundle.folder} --engine {key.package}{target}{' --force' if force else ''}"


def read_record(path: Path) -> Record:
    """The record of an engine folder.

    Raises:
        EngineError: there is none, or it is none of ours.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        plans = {name: Plan(**plan) for name, plan in document["plans"].items()}
        return Record(EngineKey(**document["key"]), plans, bool(document["tf32"]), document["built_on"])
    except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise EngineError(f"{path} is no record of engines ({type(error).__name__}); delete {path.parent} and run lmdm build") from error


def engine_folders(bundle: Bundle) -> list[EngineFolder]:
    """Every folder of engines in a bundle with a readable record, in the order of their names."""
    found = []
    for path in sorted((bundle.folder / FOLDER).glob(f"[!.]*/{RECORD}")):
        try:
            found.append(EngineFolder(bundle, path.parent, read_record(path)))
        except EngineError:
            continue
    return found


def find_engines(bundle: Bundle, wanted: EngineKey) -> EngineFolder:
    """The engines of a key.

    Raises:
        EngineError: there are none; names how the nearest ones of the same package differ.
    """
    path = bundle.folder / FOLDER / wanted.folder
    command = f"run: {build_command(bundle, wanted)}"
    if (path / RECORD).is_file():
        record = read_record(path / RECORD)
        if record.key != wanted:
            raise _mismatch(path, record.key, wanted, command)
        return EngineFolder(bundle, path, record)
    others = [folder for folder in engine_folders(bundle) if folder.record.key.package == wanted.package]
    if not others:
        raise EngineError(f"{bundle.folder} holds no engines of {wanted.package}; {command}")
    nearest = min(others, key=lambda folder: len(folder.record.key.differences(wanted)))
    raise _mismatch(nearest.path, nearest.record.key, wanted, command)


def _mismatch(path: Path, built: EngineKey, wanted: EngineKey, command: str) -> EngineError:
    sides = "; ".join(f"{word} {found}, expected {expected}" for word, found, expected in built.differences(wanted))
    return EngineError(f"the engines in {path} do not match ({sides}); {command}")
