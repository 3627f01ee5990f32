"""Scaling on two points of each axis."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import scaling as module
from benchmarks.__main__ import describe_machine
from benchmarks.floor import Peak
from benchmarks.page import draw_page


@pytest.mark.heavy
def test_every_axis_has_its_points_with_floors_that_grow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"CONTEXTS": (8, 56), "BLOCKS": (4, 8), "SIZES": ((128, 2), (256, 5)), "STEPS": (1, 4)}.items():
        monkeypatch.setattr(module, name, value)
    said: list[str] = []
    made = module.measure_scaling(tmp_path, threads=1, runs=2, peak=Peak(5e10, 1e10), say=said.append)
    assert len(said) == 4
    axes = made["axes"]
    assert {axis: len(points) for axis, points in axes.items()} == {"steps": 2, "context": 2, "block": 2, "parameters": 2}
    assert all(point["parity"] <= 1 for axis in ("context", "block", "parameters") for point in axes[axis])
    for axis, stage in (("context", "context"), ("block", "step"), ("parameters", "step"), ("steps", "block")):
        first, second = sorted(axes[axis], key=lambda point: point["at"])
        assert 0 < first[stage]["floor"] < second[stage]["floor"]
        assert first[stage]["median"] > 0
    machine = describe_machine() | {"load_average_after": [0.0]}
    page = draw_page(tmp_path / "page.png", {"instruments": [], "threads": 1, "machine": machine, "scaling": made})
    assert page.stat().st_size > 20_000
