"""Validation through another engine, in a process of its own: all five steps with their faults, and what is not claimed."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.validate.conftest import BLOCKS, Exported

ROOT = Path(__file__).parents[2]
Get = Callable[..., Exported]
CACHE = {"cache slid by one frame", "wrong rotary base", "swapped K and V"}

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("openvino") is None, reason="openvino is not installed; run: pip install 'lmdm[openvino]'"
)


def lmdm(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lmdm_runtime.cli", *map(str, arguments)]
    made = subprocess.run(command, capture_output=True, text=True, timeout=1800, cwd=ROOT)
    assert made.returncode in (0, 1), f"{arguments} ended with {made.returncode}: {made.stderr}"
    return made


def report(bundle: Path, *arguments: object, engine: str = "openvino") -> dict[str, Any]:
    made = lmdm("validate", bundle, "--engine", engine, "--json", *arguments)
    assert made.stdout, made.stderr
    return json.loads(made.stdout)


def faults(found: dict[str, Any], step: int) -> set[str]:
    return {control["fault"] for control in found["controls"] if control["step"] == step and control["caught"]}


def test_a_tiny_instrument_passes_all_steps_and_every_fault_is_caught(exported: Get) -> None:
    found = report(exported("tiny-spectral").bundle, "--blocks", BLOCKS, "--threads", 1)
    assert found["engine"] == "openvino"
    assert found["passed"], found["failures"]
    assert {check["step"] for check in found["checks"]} == {1, 2, 3, 4, 5}
    assert all(control["caught"] for control in found["controls"])
    assert faults(found, 1) >= CACHE
    assert faults(found, 2) >= CACHE | {"noise of another seed"}
    assert faults(found, 3) >= CACHE | {"stale cross K/V after a prompt change"}
    assert faults(found, 4) == {"decoder state reset in each block"}
    assert any(check["what"].startswith("openvino against ONNX Runtime") for check in found["checks"])


def test_damaged_weights_fail(exported: Get, tmp_path: Path) -> None:
    """The control: a decoder whose matrices are a thousandth too large."""
    damaged = exported("tiny-spectral").damaged(tmp_path, lambda values: values * 1.001, "cached_decoder")
    found = report(damaged, "--steps", "1,2", "--threads", 1)
    assert not found["passed"]
    assert {check["what"] for check in found["checks"] if not check["passed"]} >= {"cached_decoder: velocity"}


def test_values_that_are_not_finite_fail(exported: Get, tmp_path: Path) -> None:
    damaged = exported("tiny-spectral").damaged(tmp_path, lambda values: np.full_like(values, np.nan), "cached_decoder")
    found = report(damaged, "--steps", "1", "--threads", 1)
    velocity = next(check for check in found["checks"] if check["what"] == "cached_decoder: velocity")
    assert not velocity["passed"]
    assert velocity["errors"]["finite"] < 1


def test_bfloat16_is_not_held_against_bounds_of_float32(exported: Get) -> None:
    made = lmdm("validate", exported("tiny-spectral").bundle, "--engine", "openvino-bf16", "--json")
    assert made.returncode == 1
    assert made.stdout == ""
    sentence = made.stderr.strip().splitlines()[-1]
    assert "computes in bfloat16, and every bound here is one of float32" in sentence or "does not compute in bfloat16" in sentence


@pytest.mark.heavy
@pytest.mark.parametrize("name", ["tiny", "tiny-bc", "tiny-control", "tiny-plain", "tiny-sketch", "tiny-accompaniment"])
def test_every_kind_of_instrument_passes(exported: Get, name: str) -> None:
    found = report(exported(name).bundle, "--blocks", BLOCKS, "--threads", 1)
    assert found["passed"], found["failures"]
    assert {check["step"] for check in found["checks"]} == {1, 2, 3, 4, 5}


@pytest.mark.heavy
def test_the_default_instrument_passes(tmp_path: Path) -> None:
    """Its codec turns phases by integers that float32 would round, and a closed loop of 64 blocks amplifies what is not exact."""
    checkpoint = ROOT / "lmdm_train" / "default" / "default.safetensors"
    assert lmdm("export", checkpoint, "-o", tmp_path / "bundle").returncode == 0
    for reference in ((), ("--checkpoint", checkpoint, "--steps", "1,2,4")):
        found = report(tmp_path / "bundle", *reference)
        assert found["passed"], found["failures"]
        assert all(control["caught"] for control in found["controls"])
