"""The benchmark of engines as far as a machine without a GPU goes: its whole run in torch on a CPU, floors, table, refusals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

import benchmarks.engines as module
from benchmarks.engine_floor import BlockWork, measure_device_peak
from benchmarks.engine_subjects import FORMS, TorchGraphs, engine_outputs, parity
from benchmarks.floor import Peak
from lmdm_runtime.backends.onnxruntime import OrtBackend
from lmdm_runtime.bundle import load_bundle
from lmdm_runtime.doctor.gpu import driver
from lmdm_train.presets import preset
from tests.bundles import named_config, write_small_bundle
from tests.small_instruments import small_instrument


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("bundles") / "tiny"
    write_small_bundle(folder, "tiny", rollout_blocks=8)
    return small_instrument(named_config("tiny")), load_bundle(folder)


def test_it_needs_a_gpu():
    if driver().devices:
        pytest.skip("there is a GPU here")
    done = CliRunner().invoke(module.engines, ["--preset", "tiny"])
    assert done.exit_code == 1
    assert done.output.strip().splitlines() == [
        "Error: benchmarks.engines needs an NVIDIA GPU and there is none here (no libcuda.so.1); run it on a machine with one"
    ]


@pytest.mark.parametrize("arguments", [[], ["--preset", "tiny", "--bundle", "x"], ["--checkpoint", "x"]])
def test_half_a_source_is_wrong_usage(arguments: list[str]):
    assert CliRunner().invoke(module.engines, arguments).exit_code == 2


@pytest.mark.heavy
def test_every_stage_is_measured_where_torch_runs(small, tmp_path: Path):
    """On a CPU in eager float32 and bfloat16; engines are told apart as not run, each with its reason."""
    instrument, bundle = small
    result = json.loads(json.dumps(module.measure(instrument, bundle, "cpu", runs=3, compiled=False, probe=64)))
    blocks = {f"block of {steps} steps" for steps in module.STEPS}
    assert set(result["stages"]) == {*module.STAGES, *blocks}
    assert {name for subjects in result["stages"].values() for name in subjects} == {"torch eager float32", "torch eager bfloat16"}
    assert all(entry["kept"] for entries in result["parity"].values() for entry in entries.values())
    assert set(result["not_run"]) == {"tensorrt", "tensorrt-rtx"}
    for stage, subjects in result["stages"].items():
        for ms in subjects.values():
            assert (ms["share"] is None) == (stage == "decode")
            assert ms["share"] is None or ms["share"] == pytest.approx(ms["floor"] / ms["median"], abs=1e-3)
    lines = module.table(result)
    assert sum("of the floor" in line for line in lines) == 2 * (len(result["stages"]) - 1)
    assert sum("not run: tensorrt" in line for line in lines) == 2


@pytest.mark.heavy
def test_parity_sees_a_wrong_weight(small):
    instrument, bundle = small
    reference = engine_outputs(bundle, OrtBackend(bundle), "cached_decoder")
    graphs = TorchGraphs(instrument, bundle, FORMS[0], "cpu")
    assert parity(reference, graphs.outputs("cached_decoder"), torch.float32)["kept"]
    broken = TorchGraphs(small_instrument(named_config("tiny"), seed=1), bundle, FORMS[0], "cpu")
    assert not parity(reference, broken.outputs("cached_decoder"), torch.bfloat16)["kept"]


@pytest.mark.heavy
def test_what_leaves_its_bound_is_not_timed(small):
    _, bundle = small
    result = module.measure(small_instrument(named_config("tiny"), seed=1), bundle, "cpu", runs=3, compiled=False, probe=64)
    assert result["stages"] == {}
    assert any("leaves its bound" in line for line in module.table(result))


def test_the_table_shows_time_share_refusals_and_reasons():
    ms = {"median": 0.5, "p95": 0.75}
    result = {
        "instrument": {"name": "x", "layout": "230/10"},
        "device": "a GPU",
        "stages": {"step": {"tensorrt-rtx": module.timed(ms, 0.25)}, "decode": {"tensorrt-rtx": module.timed(ms, None)}},
        "parity": {"torch": {"step": {"kept": False, "error_of_range": 0.2, "bound": 1e-4}}},
        "not_run": {"tensorrt": "no package"},
    }
    lines = module.table(json.loads(json.dumps(result)))
    assert "50.0% of the floor 0.250" in lines[1]
    assert "floor" not in lines[2]
    assert "leaves its bound: 2.0e-01 of the range, 1.0e-04 allowed" in lines[3]
    assert lines[4:] == ["  not run: tensorrt: no package"]


def test_the_floor_of_a_block_is_that_of_its_passes():
    work, peak = BlockWork.of(preset("lmdm-ed", "230/10"), batch=1), Peak(flops=60e12, read_bytes=4e12)
    context, step = work.floor_ms("context", peak, 4), work.floor_ms("step", peak, 4)
    assert context is not None
    assert step is not None
    assert work.floor_ms("block of 8 steps", peak, 4) == pytest.approx(context + 8 * step)
    assert work.floor_ms("decode", peak, 4) is None
    # A step on a GPU reads its weights and little else: half the bytes, half the floor.
    assert work.floor_ms("step", peak, 2) == pytest.approx(step / 2)
    assert 0.2 < step < 0.4


def test_the_probe_measures_both_types():
    for dtype in (torch.float32, torch.bfloat16):
        peak = measure_device_peak("cpu", dtype, size=64, megabytes=1, runs=2)
        assert np.isfinite([peak.flops, peak.read_bytes]).all()
        assert peak.flops > 1e6
