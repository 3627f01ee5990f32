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

from lmdm_export.precision.names import DEFAULT_BUDGET
from lmdm_runtime.doctor import providers
from tests.bundles import BLOCKS
from tests.validate.conftest import Exported

ROOT = Path(__file__).parents[2]
Get = Callable[..., Exported]
SHARE = "share of another seed's distance"
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


@pytest.mark.skipif(not (providers.openvino().details or {}).get("bfloat16"), reason="this processor has no bfloat16")
def test_bfloat16_is_held_to_a_budget_and_not_to_bounds_of_float32(exported: Get) -> None:
    found = report(exported("tiny-spectral").bundle, "--blocks", BLOCKS, "--threads", 1, engine="openvino-bf16")
    assert (found["engine"], found["facts"]["precision"]["kind"]) == ("openvino-bf16", "bfloat16")
    assert {check["metric"] for check in found["checks"] if check["step"] == 3} == {SHARE, "dB"}
    assert all(check["bound"]["value"] == DEFAULT_BUDGET for check in found["checks"] if check["metric"] == SHARE)
    # float32 would be at 1e-6 of it: this really was bfloat16.
    assert 1e-4 < found["facts"]["precision"]["share"] < DEFAULT_BUDGET
    assert not any(check["what"].startswith(("cached_decoder", "context_encoder")) for check in found["checks"])
    assert {"swapped K and V", "noise of another seed"} <= faults(found, 3)
    assert {entry["step"] for entry in found["not_run"]} == {1, 2, 5}


def test_bfloat16_is_not_held_against_a_checkpoint(exported: Get) -> None:
    made = exported("tiny-spectral")
    refused = lmdm("validate", made.bundle, "--engine", "openvino-bf16", "--checkpoint", made.checkpoint)
    assert refused.returncode == 1
    assert "run lmdm validate without --checkpoint" in refused.stderr or "does not compute in bfloat16" in refused.stderr


@pytest.mark.parametrize("kind", ["int8-static", "float16", "bfloat16"])
def test_a_variant_is_held_to_its_budget_in_another_engine(exported: Get, tmp_path: Path, kind: str) -> None:
    """bfloat16 plays here, where ONNX Runtime has no kernels for it."""
    variant = tmp_path / kind
    made = lmdm("precision", exported("tiny-spectral").bundle, "--write", kind, "-o", variant, "--threads", 1, "--blocks", BLOCKS)
    assert made.returncode == 0, made.stderr
    found = report(variant, "--threads", 1)
    assert found["passed"], found["failures"]
    assert (found["engine"], found["facts"]["precision"]["kind"]) == ("openvino", kind)
    assert not found["facts"]["precision"]["emulated"]
    shares = [check["measured"] for check in found["checks"] if check["metric"] == SHARE]
    # It really was rounded.
    assert len(shares) == 2
    assert all(1e-5 < share < DEFAULT_BUDGET for share in shares)
    assert {"swapped K and V", "noise of another seed", "stale cross K/V after a prompt change"} <= faults(found, 3)
    assert {check["step"] for check in found["checks"]} == {1, 3, 4}
    # The control: under a budget that it does not keep it fails.
    manifest = json.loads((variant / "manifest.json").read_text())
    manifest["precision"]["budget"] = min(shares) / 2
    (variant / "manifest.json").write_text(json.dumps(manifest))
    strict = report(variant, "--steps", 3, "--threads", 1)
    assert not strict["passed"]
    assert all("in a closed loop" in failure or "each from the reference" in failure for failure in strict["failures"])


@pytest.mark.heavy
@pytest.mark.parametrize("name", ["tiny", "tiny-bc", "tiny-control", "tiny-plain", "tiny-sketch", "tiny-accompaniment"])
def test_every_kind_of_instrument_passes(exported: Get, name: str) -> None:
    found = report(exported(name).bundle, "--blocks", BLOCKS, "--threads", 1)
    assert found["passed"], found["failures"]
    assert {check["step"] for check in found["checks"]} == {1, 2, 3, 4, 5}


@pytest.mark.heavy
def test_the_default_instrument_passes(default_bundle: Path) -> None:
    """Its codec turns phases by integers that float32 would round, and a closed loop of 64 blocks amplifies what is not exact."""
    checkpoint = ROOT / "lmdm_train" / "default" / "default.safetensors"
    for reference in ((), ("--checkpoint", checkpoint, "--steps", "1,2,4")):
        found = report(default_bundle, *reference)
        assert found["passed"], found["failures"]
        assert all(control["caught"] for control in found["controls"])
