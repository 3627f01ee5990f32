"""Programs of the C++ runtime's build folder: build/release, or LMDM_CPP_BUILD."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

FOLDER = Path(os.environ.get("LMDM_CPP_BUILD", Path(__file__).parents[2] / "build" / "release"))


@pytest.fixture(scope="session")
def cpp_program() -> Callable[[str], Path]:
    """The path of a program that CMake has built, by name; a test that asks for it is skipped where nothing has been built."""

    def find(name: str) -> Path:
        if not (FOLDER / "CMakeCache.txt").is_file():
            pytest.skip(f"no C++ build in {FOLDER}; run: cmake --preset release && cmake --build --preset release")
        found = [path for path in FOLDER.rglob(name) if path.is_file() and os.access(path, os.X_OK)]
        assert found, f"{FOLDER} was configured, but has no program {name}; run: cmake --build {FOLDER}"
        return found[0]

    return find
