"""How this installation of `lmdm` came about, and hence the command that adds an extra to it."""

from __future__ import annotations

import json
from importlib import metadata
from typing import Any
from urllib.parse import unquote, urlparse

DISTRIBUTION = "lmdm"


def install_command(extra: str | None = None) -> str:
    """The pip command that installs `lmdm` with `extra`, from the same checkout where there is one (PEP 610)."""
    suffix = f"[{extra}]" if extra else ""
    origin = _origin()
    path = unquote(urlparse(origin.get("url", "")).path) if origin.get("url", "").startswith("file://") else ""
    if not path:
        return f"pip install '{DISTRIBUTION}{suffix}'"
    editable = "-e " if origin.get("dir_info", {}).get("editable") else ""
    return f"pip install {editable}'{path}{suffix}'"


def _origin() -> dict[str, Any]:
    try:
        return json.loads(metadata.distribution(DISTRIBUTION).read_text("direct_url.json") or "{}")
    except metadata.PackageNotFoundError:
        return {}
