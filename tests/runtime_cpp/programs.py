"""Programs and libraries of the C++ runtime, where they have been built."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def build_folders() -> list[Path]:
    """Those of `LMDM_CPP_BUILD`, or the builds of the presets: programs are in `release`, the shared library is in `shared`."""
    given = os.environ.get("LMDM_CPP_BUILD")
    return [Path(folder) for folder in given.split(os.pathsep)] if given else [ROOT / "build" / preset for preset in ("release", "shared")]


def built(name: str) -> Path:
    """A file of the build; the test is skipped where there is none."""
    folders = build_folders()
    for folder in folders:
        for path in sorted(folder.rglob(name)):
            if path.is_file():
                return path
    pytest.skip(
        f"no {name} in {' or '.join(map(str, folders))}; build it with the presets release and shared (cmake --preset release && cmake "
        "--build --preset release), or set LMDM_CPP_BUILD"
    )


def run(name: str, *arguments: object, given: str | None = None) -> str:
    """Standard output of a program that must succeed."""
    # So that it finds the ONNX Runtime of this Python.
    environment = {"VIRTUAL_ENV": sys.prefix, **os.environ}
    command = [str(built(name)), *map(str, arguments)]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def tiny_bundle(folder: Path) -> Path:
    """A tiny bundle at a rate that a host can have, written into `folder`."""
    script = ROOT / "runtime_cpp" / "tests" / "c" / "write_bundles.py"
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'runtime_py'}"}
    subprocess.run([sys.executable, script, folder], check=True, cwd=ROOT, env=environment)
    return folder / "encoder-decoder"
