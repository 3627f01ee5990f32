"""Programs and libraries of the C++ runtime, where they have been built."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def build_folder() -> Path:
    """`LMDM_CPP_BUILD`, or the build of the preset `release`."""
    return Path(os.environ.get("LMDM_CPP_BUILD") or ROOT / "build" / "release")


def built(name: str) -> Path:
    """A file of the build; the test is skipped where there is none."""
    for path in sorted(build_folder().rglob(name)):
        if path.is_file():
            return path
    pytest.skip(
        f"no {name} in {build_folder()}; build with cmake --preset release && cmake --build --preset release, or set LMDM_CPP_BUILD"
    )


def run(name: str, *arguments: object, given: str | None = None) -> str:
    """Standard output of a program that must succeed."""
    # So that it finds the ONNX Runtime of this Python.
    environment = {"VIRTUAL_ENV": sys.prefix, **os.environ}
    command = [str(built(name)), *map(str, arguments)]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout
