"""The default instrument: what docs/precision.md says of its parity holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from lmdm_export.bundle import export_bundle
from lmdm_export.cli.export import load_source
from lmdm_export.demo.material import default_checkpoint
from lmdm_export.precision.kinds import KINDS
from lmdm_export.precision.ladder import Search
from lmdm_export.precision.sensitivity import measured
from lmdm_runtime.bundle import load_bundle

# Measured: int8 0.035, int4 0.208, and 0.097 with these matrices float32. The kernels of another CPU round otherwise.
KEPT = ["project_out", "project_in", "project_additive", "layers.04.ff.in", "layers.04.self.kv"]


@pytest.mark.heavy
def test_int8_is_inside_int4_is_outside_and_faults_are_caught(tmp_path: Path) -> None:
    instrument, source = load_source(default_checkpoint())
    export_bundle(instrument, tmp_path / "default", source)
    search = Search(load_bundle(tmp_path / "default"), 0.1, threads=1)
    search.measure_controls()
    assert search.ladder.missed == []
    assert min(parity.share for parity in search.ladder.controls.values()) > 0.5
    int8, int4 = (measured(search, KINDS[kind], (), tmp_path).parity for kind in ("int8", "int4"))
    kept = measured(search, KINDS["int4"], KEPT, tmp_path).parity
    assert int8.within(0.1)
    assert 0.01 < int8.share < 0.07
    assert not int4.within(0.1)
    assert kept.share < 0.7 * int4.share
