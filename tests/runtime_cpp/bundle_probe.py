"""Loads bundles with the C++ runtime, and what Python says in the same form."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

from lmdm_runtime import BundleError, load_bundle
from lmdm_runtime.manifest import Manifest
from tests.runtime_cpp.programs import run

Json = dict[str, Any]
# Only Python keeps these typed; C++ has them in the document.
UNTYPED = ("format_version", "created_with", "checkpoint")


def probe(*folders: Path, raw: Path | None = None) -> list[Json]:
    """An answer for each folder: {"manifest": …} or {"kind": number, "sentence": text}. `raw` receives the arrays of every bundle."""
    lines = [f"{folder}\t{raw}" if raw else str(folder) for folder in folders]
    return [json.loads(line) for line in run("bundle_probe", given="\n".join(lines) + "\n").splitlines()]


def python_answer(folder: Path) -> Json:
    """The same from the Python runtime."""
    try:
        return {"manifest": summary(load_bundle(folder).manifest)}
    except BundleError as error:
        return {"kind": 1, "sentence": str(error)}


def summary(manifest: Manifest) -> Json:
    found = {name: value for name, value in dataclasses.asdict(manifest).items() if name not in UNTYPED}
    found["fixtures"] = {name: {"file": f["file"], "tolerance": numbers(f["tolerance"])} for name, f in found["fixtures"].items()}
    return json.loads(json.dumps(found))


def numbers(nested: Json, prefix: str = "") -> dict[str, float]:
    """Numbers of a nested object, keys joined by dots."""
    found: dict[str, float] = {}
    for key, value in nested.items():
        if isinstance(value, dict):
            found |= numbers(value, f"{prefix}{key}.")
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            found[prefix + key] = value
    return found


def linked_copy(folder: Path, to: Path) -> Path:
    """A copy whose files are the same on disk: replace, never write into one."""
    for path in folder.rglob("*"):
        target = to / path.relative_to(folder)
        if path.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, target)
    return to
