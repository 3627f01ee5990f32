"""What `lmdm doctor` says of engines, on machines with and without a GPU and a package."""

from __future__ import annotations

from pathlib import Path

import pytest

from lmdm_runtime.doctor import engines
from lmdm_runtime.doctor.gpu import Driver

NONE = Driver("no libcuda.so.1")
ADA = Driver(None, "13.1", ("RTX 4090 (compute capability 8.9)",), ("8.9",))
HOPPER = Driver(None, "13.1", ("H200 (compute capability 9.0)",), ("9.0",))
RTX, FULL = {"tensorrt-rtx": "1.7"}, {"tensorrt": "11.0"}


@pytest.mark.parametrize(
    ("found", "versions", "build", "run"),
    [
        (NONE, {}, "no TensorRT package is installed", "no GPU (no libcuda.so.1)"),
        (NONE, RTX, "tensorrt-rtx 1.7 for compute capability 7.5, 8.0, 8.6, 8.9, 12.0, 12.1", "no GPU"),
        (NONE, FULL, "tensorrt builds only on the GPU it is for", "no GPU"),
        (ADA, RTX | FULL, "tensorrt 11.0 for compute capability 8.9", "tensorrt-rtx, tensorrt on compute capability 8.9"),
        (HOPPER, RTX, "7.5, 8.0", "no package that runs engines on compute capability 9.0"),
        (HOPPER, FULL, "tensorrt 11.0 for compute capability 9.0", "tensorrt on compute capability 9.0"),
    ],
)
def test_build_and_run(found, versions, build, run):
    made = engines.buildable(found, versions), engines.runnable(found, versions)
    assert build in made[0].found
    assert run in made[1].found
    assert all(finding.fix for finding in made if finding.status != "ok")


def test_hopper_is_told_the_package_that_knows_it():
    fix = engines.runnable(HOPPER, RTX).fix
    assert fix is not None
    assert "[tensorrt]" in fix


def test_what_was_never_executed_is_what_the_page_says():
    page = (Path(__file__).parents[2] / "docs" / "engines.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1].strip() for line in page.splitlines() if line.startswith("|") and "never" in line]
    assert rows == list(engines.NEVER_EXECUTED)
    (finding,) = [finding for finding in engines.findings(NONE) if finding.check == "never executed"]
    assert all(part in finding.found for part in engines.NEVER_EXECUTED)
