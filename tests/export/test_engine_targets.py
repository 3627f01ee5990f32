"""For which GPUs `lmdm build` builds, and where timings are kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from lmdm_export.engines.build import chosen_targets, timing_cache
from lmdm_export.errors import ExportError
from lmdm_runtime.doctor.gpu import Driver
from lmdm_runtime.engines.packages import PACKAGES

RTX = PACKAGES["tensorrt-rtx"]
NO_GPU = Driver("no libcuda.so.1")


@pytest.mark.parametrize(
    ("engine", "asked", "found", "said"),
    [
        ("tensorrt-rtx", ["9.0"], NO_GPU, "8.9, 12.0, 12.1, found 9.0 .9.0 is Hopper"),
        ("tensorrt-rtx", ["banana"], NO_GPU, "found banana$"),
        ("tensorrt-rtx", [], Driver(None, "13.1", ("H200",), ("9.0",)), "found 9.0 .9.0 is Hopper"),
        ("tensorrt", [], NO_GPU, "times kernels on the GPU that it builds for, and there is none here .no libcuda"),
        ("tensorrt", ["8.6"], Driver(None, "13.1", ("RTX",), ("8.9",)), "compute capability 8.9, found --target 8.6"),
    ],
)
def test_targets_that_cannot_be_built_for(engine, asked, found, said):
    with pytest.raises(ExportError, match=said):
        chosen_targets(PACKAGES[engine], "1.7", asked, found)


def test_targets_that_can():
    rtx4090 = Driver(None, "13.1", ("RTX",), ("8.9",))
    assert chosen_targets(RTX, "1.7", [], NO_GPU) == ("8.9",)
    assert chosen_targets(RTX, "1.7", ["12.0", "8.6", "12.0"], rtx4090) == ("12.0", "8.6")
    assert chosen_targets(PACKAGES["tensorrt"], "11.0", [], rtx4090) == ("8.9",)


def test_timings_are_kept_for_each_version_and_device(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    full = PACKAGES["tensorrt"]
    assert timing_cache(full, "11.0", "8.9") == tmp_path / "lmdm" / "timing" / "tensorrt-11.0-sm89.cache"
    assert timing_cache(RTX, "1.7", "8.9") is None
