"""A bundle's graphs as engines for one or several GPU architectures."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lmdm_export.engines.child import OnStep, run_worker
from lmdm_export.engines.solver_step import write_solver_step
from lmdm_export.errors import ExportError
from lmdm_export.staging import replaced_folder
from lmdm_runtime.bundle import Bundle, sha256_of
from lmdm_runtime.doctor.gpu import Driver, capability, driver
from lmdm_runtime.engines.key import EngineKey, engine_key, fingerprint
from lmdm_runtime.engines.packages import EnginePackage, package_version
from lmdm_runtime.engines.solver_step import SOLVER_STEP
from lmdm_runtime.engines.store import FOLDER, RECORD, EngineError, EngineFolder, Plan, Record, engine_folders, read_record

# For a machine without a GPU that names no target: the generation that most consumer machines have.
USUAL_TARGET = "8.9"
Build = Callable[[dict[str, Any], OnStep], dict[str, Any]]
Begin = Callable[[str], OnStep]


@dataclass
class BuildResult:
    """What became of the engines of one target. `built` and `kept` are names of graphs, `failed` says why by name; `removed` are folders of
    engines that the bundle's graphs have left behind."""

    path: Path
    key: EngineKey
    record: Record
    built: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    failed: dict[str, str] = field(default_factory=dict)
    removed: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "path": str(self.path),
            "built": list(self.built),
            "kept": list(self.kept),
            "failed": self.failed,
            "removed": list(self.removed),
            **self.record.to_json(),
        }


def chosen_targets(package: EnginePackage, version: str, asked: Sequence[str], found: Driver) -> tuple[str, ...]:
    """The architectures to build for: those asked for, or that of the GPU that is here.

    Raises:
        ExportError: the package cannot build for one of them on this machine.
    """
    here = capability(found)
    if not package.ahead_of_time:
        if here is None:
            reason = found.reason or "the driver has no device"
            raise ExportError(
                f"{package.name} times kernels on the GPU that it builds for, and there is none here ({reason}); "
                "run this on that machine, or use --engine tensorrt-rtx"
            )
        if any(target != here for target in asked):
            raise ExportError(f"{package.name} builds for the GPU that is here, compute capability {here}, found --target {asked[0]}")
        return (here,)
    for target in asked or ((here,) if here is not None else ()):
        if target not in package.targets:
            note = " (9.0 is Hopper, which it leaves out: build with --engine tensorrt on that machine)" if target == "9.0" else ""
            raise ExportError(f"{package.name} {version} builds for compute capability {', '.join(package.targets)}, found {target}{note}")
    return tuple(dict.fromkeys(asked)) or ((here,) if here is not None else (USUAL_TARGET,))


def build_engines(
    bundle: Bundle,
    package: EnginePackage,
    target: str,
    *,
    graphs: Sequence[str] = (),
    force: bool = False,
    begin: Begin = lambda graph: silent_step,
    build: Build = run_worker,
) -> BuildResult:
    """Build what is missing for one architecture; with nothing missing, do nothing.

    Args:
        graphs: which graphs; all of them and `solver_step` by default.
        force: build them again.
        begin: called with each graph before it is built, returns what is told of its progress, from 0 to 1.

    The folder appears whole, with every graph that could be built; a crash of the package costs its graph alone. Nothing is left behind
    after Ctrl-C or SIGTERM.

    Raises:
        ExportError: a graph that the bundle does not have, or the disk is full.
        LmdmError: the package is not installed.
    """
    wanted = tuple(dict.fromkeys(graphs)) or (*bundle.manifest.graphs, SOLVER_STEP)
    unknown = [name for name in wanted if name not in bundle.manifest.graphs and name != SOLVER_STEP]
    if unknown:
        raise ExportError(f"the bundle has no graph {unknown[0]}; it has {', '.join((*bundle.manifest.graphs, SOLVER_STEP))}")
    found = driver()
    key = engine_key(bundle, package, package_version(package), target, found.version)
    path = bundle.folder / FOLDER / key.folder
    before = _standing(bundle, path, key)
    kept = tuple(name for name in before.record.plans if before.holds(name) and not (force and name in wanted))
    missing = tuple(name for name in wanted if name not in kept)
    if not missing:
        return BuildResult(path, key, before.record, kept=kept)
    built_on = {"gpu": list(found.devices), "cuda": found.version}
    record = Record(key, {name: before.record.plans[name] for name in kept}, built_on=built_on)
    result = BuildResult(path, key, record, kept=kept)
    try:
        with replaced_folder(path) as staging:
            for name in kept:
                os.link(path / record.plans[name].file, staging / record.plans[name].file)
            for name in missing:
                _build_graph(bundle, package, name, staging, result, begin(name), build)
            if not result.built:
                raise ExportError(f"no graph could be built; {_first_failure(result)}")
            _write_record(staging / RECORD, result.record)
    finally:
        _remove_if_empty(path.parent)
    result.removed = _remove_stale(bundle, key)
    return result


def silent_step(done: float) -> None:
    """Says nothing."""


def timing_cache(package: EnginePackage, version: str, target: str) -> Path | None:
    """Where a package keeps what kernels took; None for one that times nothing."""
    if package.ahead_of_time:
        return None
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "lmdm" / "timing" / f"{package.name}-{version}-sm{target.replace('.', '')}.cache"


def _standing(bundle: Bundle, path: Path, key: EngineKey) -> EngineFolder:
    """The engines that are there under a key; an unreadable record counts as none."""
    try:
        record = read_record(path / RECORD)
    except EngineError:
        record = Record(key, {})
    return EngineFolder(bundle, path, record if record.key == key else Record(key, {}))


def _build_graph(
    bundle: Bundle, package: EnginePackage, name: str, staging: Path, result: BuildResult, on_step: OnStep, build: Build
) -> None:
    version, target = result.key.version, result.key.target
    source = bundle.graph_path(name) if name in bundle.manifest.graphs else staging / f"{name}.onnx"
    if name == SOLVER_STEP:
        write_solver_step(bundle.manifest, source)
    plan, cache = staging / f"{name}.plan", timing_cache(package, version, target)
    job = {
        "module": package.module,
        "onnx": str(source.absolute()),
        "plan": str(plan),
        "target": target if package.ahead_of_time else None,
        "timing_cache": None if cache is None else str(cache),
    }
    start = time.perf_counter()
    try:
        answer = build(job, on_step)
    except ExportError as failure:
        plan.unlink(missing_ok=True)
        result.failed[name] = str(failure)
        return
    finally:
        if name == SOLVER_STEP:
            source.unlink()
    seconds = round(time.perf_counter() - start, 3)
    made = Plan(plan.name, sha256_of(plan), plan.stat().st_size, fingerprint(bundle, name), int(answer["layers"]), seconds)
    result.record = replace(result.record, plans={**result.record.plans, name: made}, tf32=result.record.tf32 or bool(answer["tf32"]))
    result.built = (*result.built, name)


def _first_failure(result: BuildResult) -> str:
    name, why = next(iter(result.failed.items()))
    return f"{name}: {why}" + (f", and {len(result.failed) - 1} more" if len(result.failed) > 1 else "")


def _write_record(path: Path, record: Record) -> None:
    path.write_text(json.dumps(record.to_json(), indent=1) + "\n", encoding="utf-8")


def _remove_stale(bundle: Bundle, key: EngineKey) -> tuple[str, ...]:
    """Engines of graphs that the bundle no longer has can never be loaded again."""
    removed = []
    for folder in engine_folders(bundle):
        other = folder.record.key
        if (other.graphs, other.shapes, other.precision) != (key.graphs, key.shapes, key.precision):
            shutil.rmtree(folder.path, ignore_errors=True)
            removed.append(folder.path.name)
    return tuple(removed)


def _remove_if_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
