"""The paced benchmark of both runtimes on a tiny bundle."""

from __future__ import annotations

import json
import os

import pytest
from click.testing import CliRunner

from benchmarks import paced as module
from tests.runtime_cpp.programs import built


def test_memory_is_that_of_a_process():
    mine = module.memory_of(os.getpid())
    assert 5 < mine["private"] <= mine["resident"]
    held = bytearray(os.urandom(1 << 20)) * 64
    assert module.memory_of(os.getpid())["private"] > mine["private"] + 32
    assert len(held)
    assert module.memory_of(2**22 + 1) == {}


def test_a_missing_program_is_explained(tmp_path):
    done = CliRunner().invoke(module.paced, ["--bundle", str(tmp_path), "--tool", str(tmp_path / "none")])
    assert done.exit_code == 1
    assert "cmake --build --preset release" in done.output


@pytest.mark.heavy
def test_both_runtimes_stream_at_once(tmp_path, tmp_path_factory, monkeypatch):
    pytest.importorskip("torch")
    from tests.bundles import small_bundle
    from tests.runtime.test_exported_controls import CONFIGS

    tool = built("lmdm-bench")
    bundle = small_bundle(tmp_path_factory, next(iter(CONFIGS.values()))()).bundle
    monkeypatch.setattr(module, "RESULTS", tmp_path)
    done = CliRunner().invoke(module.paced, ["--bundle", str(bundle), "--tool", str(tool), "--seconds", "4", "--json"])
    result = json.loads((tmp_path / "paced-default.json").read_text())
    assert done.exit_code == int(any(figures["underruns"] for figures in result["figures"].values())), done.output
    for figures in result["figures"].values():
        assert figures["blocks"] > 4
        assert figures["p50_ms"] <= figures["p95_ms"] <= figures["max_ms"]
        assert figures["memory_mib"]["private"] > 1
    assert result["machine"]["cpu"]
