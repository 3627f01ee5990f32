"""The plugin, and the host of our own, where they have been built."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def need_host(package: str) -> None:
    """Skip a test where a host is not installed; it is looked for, not loaded, since hosts bring JUCE, LLVM and their threads along."""
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"no {package}; hosts come with the extra dev: bash scripts/setup")


def build_folder() -> Path:
    """That of `LMDM_PLUGIN_BUILD`, or the build of the preset `plugin`."""
    return Path(os.environ.get("LMDM_PLUGIN_BUILD", ROOT / "build" / "plugin"))


def built(name: str) -> Path:
    """A file or folder of the build; the test is skipped where there is none."""
    for path in sorted(build_folder().rglob(name)):
        return path
    pytest.skip(
        f"no {name} in {build_folder()}; build it (cmake --preset plugin && cmake --build --preset plugin), or set LMDM_PLUGIN_BUILD"
    )
