"""JSON for machines."""

from __future__ import annotations

import json

from lmdm_runtime.cli.documents import json_text


def refuse(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


def test_what_is_not_finite_is_null_and_all_else_stays() -> None:
    value = {"a": float("inf"), "b": [1.5, float("nan")], "c": (-float("inf"), 2), "d": None, "e": True, "f": "NaN"}
    assert json.loads(json_text(value), parse_constant=refuse) == {
        "a": None, "b": [1.5, None], "c": [None, 2], "d": None, "e": True, "f": "NaN"
    }  # fmt: skip
