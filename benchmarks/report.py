"""Where results lie, and how one is written."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def write_result(path: Path, result: dict[str, Any]) -> None:
    """Write JSON whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}")
    unfinished.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    os.replace(unfinished, path)


def file_name(label: str) -> str:
    """The label in small letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-")
