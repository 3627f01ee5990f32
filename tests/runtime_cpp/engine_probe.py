"""Asks the C++ engine for its numbers."""

from __future__ import annotations

import json
from typing import Any

from tests.runtime_cpp.programs import run


def ask(*requests: dict[str, Any]) -> list[Any]:
    """One answer for each request; a refusal is {"error": sentence, "kind": number}."""
    return json.loads(run("engine_probe", given=json.dumps(requests)))


def hexadecimal(text: str | bytes) -> str:
    return (text.encode() if isinstance(text, str) else text).hex()
