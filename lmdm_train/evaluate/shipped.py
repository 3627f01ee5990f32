"""Files that come with the project."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def shipped(name: str) -> Path:
    """A file of the default instrument."""
    return Path(str(files("lmdm_train") / "default" / name))
