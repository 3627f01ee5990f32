"""Whole validations: good bundles pass and every fault is caught; damaged bundles, wrong checkpoints and blind checks fail."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lmdm_export.errors import ExportError
from lmdm_export.manifest_document import file_sha256
from lmdm_export.validate import step_block
from lmdm_export.validate.controls import Fault
from lmdm_export.validate.report import Report
from lmdm_export.validate.run import validate_bundle
from lmdm_runtime.errors import BundleError
from tests.bundles import BLOCKS
from tests.validate.conftest import Exported

ROOT = Path(__file__).parents[2]
Get = Callable[..., Exported]

CACHE = {"cache slid by one frame", "wrong rotary base", "swapped K and V"}
SKETCH = {"sketch state reset in each block", "sketch without smoothing"}
WITHOUT_TORCH = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "lmdm_train", "onnx", "pydantic", "matplotlib", "safetensors"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
from lmdm_export.validate.cli import validate
sys.exit(validate.main(sys.argv[1:], standalone_mode=False))
"""


def faults(report: Report, step: int) -> set[str]:
    assert all(control.caught for control in report.controls), report.failures
    return {control.fault for control in report.controls if control.step == step}


@pytest.mark.heavy
@pytest.mark.parametrize("name", ["tiny", "tiny-bc", "tiny-control", "tiny-spectral", "tiny-plain", "tiny-sketch", "tiny-accompaniment"])
def test_good_bundle_passes_and_every_fault_is_caught(exported: Get, name: str) -> None:
    made = exported(name)
    report = validate_bundle(made.bundle, made.checkpoint, blocks=BLOCKS, threads=1)
    assert report.passed, report.failures
    assert {check.step for check in report.checks} == {1, 2, 3, 4, 5}
    sketch = SKETCH if name == "tiny-sketch" else set()
    other = {"accompaniment cutoff off by one"} if name == "tiny-accompaniment" else set()
    assert faults(report, 1) == CACHE | sketch
    assert faults(report, 2) == CACHE | other | {"noise of another seed"}
    change = {"stale cross K/V after a prompt change", "context kept at a prompt change"}
    hop = {"sketch with a wrong hop"} if sketch else set()
    assert faults(report, 3) == CACHE | change | sketch | hop | other | {"noise of another seed"}
    native = importlib.util.find_spec("lmdm_native") is not None
    assert len(faults(report, 4)) == 1
    assert len(faults(report, 5)) == 1 + 2 * native
    assert min(control.factor for control in report.controls) > 100
    assert report.facts["rollout"]["enough_blocks"] is False
    assert report.facts["audio"]["exact"] is True
    assert [entry.what for entry in report.not_run] == ["C++ runtime against Python"] * (not native)


@pytest.mark.heavy
def test_a_crossfading_codec_is_held_against_its_own_crossfade(exported: Get) -> None:
    made = exported("tiny", fade=2)
    report = validate_bundle(made.bundle, made.checkpoint, steps=[4], threads=1)
    assert report.passed, report.failures
    audio = report.facts["audio"]
    assert (audio["exact"], audio["fade_frames"], audio["look_ahead_frames"]) == (False, 2, 2)
    assert audio["snr_db_against_whole_decode"] < 100
    stored = validate_bundle(made.bundle, steps=[4], threads=1)
    assert not stored.passed
    assert "give --checkpoint" in stored.not_run[0].reason


@pytest.mark.heavy
@pytest.mark.parametrize("name", ["tiny-bc", "tiny-spectral", "tiny-sketch", "tiny-accompaniment"])
def test_fixtures_are_enough_and_need_no_torch(exported: Get, name: str) -> None:
    command = [sys.executable, "-c", WITHOUT_TORCH, str(exported(name).bundle), "--blocks", str(BLOCKS), "--threads", "1", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    report = json.loads(done.stdout)
    assert report["passed"] is True
    assert {check["step"] for check in report["checks"]} == {1, 2, 3, 4, 5}


@pytest.mark.heavy
def test_fixtures_shorter_than_asked_are_said_to_be(exported: Get) -> None:
    report = validate_bundle(exported("tiny-bc").bundle, steps=[3], blocks=64, threads=1)
    assert not report.passed
    assert f"the fixture holds {BLOCKS} blocks, 64 were asked for" in report.not_run[0].reason
    # Nothing asked for: what there is, and that it is less than usual.
    report = validate_bundle(exported("tiny-bc").bundle, steps=[3], threads=1)
    assert report.passed, report.failures
    assert report.facts["rollout"]["blocks"] == BLOCKS
    assert (report.not_run[0].what, report.not_run[0].step) == ("closed loop of 64 blocks", 3)


@pytest.mark.heavy
@pytest.mark.parametrize(("size", "graph"), [(1e-2, "cached_decoder"), (1e-4, "cached_decoder"), (1e-3, "codec_decoder")])
def test_damaged_weights_fail(exported: Get, tmp_path: Path, size: float, graph: str) -> None:
    made = exported("tiny-bc")
    draw = np.random.default_rng(0)
    damaged = made.damaged(tmp_path, lambda w: w * (1 + size * draw.standard_normal(w.shape)), graph)
    steps = [1, 2, 3] if graph == "cached_decoder" else [1, 4]
    for checkpoint in (made.checkpoint, None):
        report = validate_bundle(damaged, checkpoint, steps=steps, blocks=BLOCKS, threads=1)
        assert not report.passed
        assert {check.step for check in report.checks if not check.passed} == set(steps)
        broken = {check.what.partition(":")[0] for check in report.checks if check.step == 1 and not check.passed}
        assert broken == ({graph, f"{graph}, fused"} if graph == "cached_decoder" else {graph})
        assert f"step 1 graph: {graph}" in report.failures[0]


@pytest.mark.heavy
def test_a_fused_graph_that_swaps_keys_and_values_fails_beside_a_good_plain_one(exported: Get, tmp_path: Path) -> None:
    import onnx

    copy = shutil.copytree(exported("tiny-bc").bundle, tmp_path / "swapped")
    path, manifest = copy / "graphs" / "cached_decoder.fused.onnx", json.loads((copy / "manifest.json").read_text())
    model = onnx.load(path, load_external_data=False)
    for node in model.graph.node:
        if node.op_type == "MultiHeadAttention":
            node.input[1], node.input[2] = node.input[2], node.input[1]
    path.write_bytes(model.SerializeToString())
    for entry in (manifest["graphs"]["cached_decoder"]["fused"], next(f for f in manifest["files"] if f["path"].endswith(path.name))):
        entry["sha256"] = file_sha256(path)
    (copy / "manifest.json").write_text(json.dumps(manifest))
    report = validate_bundle(copy, steps=[1, 5], threads=1)
    broken = {(check.step, check.what.partition(":")[0]) for check in report.checks if not check.passed}
    # The second configuration plays the plain graphs, and so tells on the first.
    assert {(1, "cached_decoder, fused"), (5, "Python runtime, second configuration")} <= broken
    assert not any(what in ("cached_decoder", "context_encoder", "context_encoder, fused") for _, what in broken)


@pytest.mark.heavy
def test_a_weight_that_is_not_finite_fails(exported: Get, tmp_path: Path) -> None:
    made = exported("tiny-bc")
    damaged = made.damaged(tmp_path, lambda w: np.where(np.arange(w.size) == 0, np.nan, w), "codec_decoder")
    report = validate_bundle(damaged, made.checkpoint, steps=[1, 4], threads=1)
    broken = [check for check in report.checks if not check.passed]
    assert {check.step for check in broken} == {1, 4}
    assert all(check.measured == float("inf") for check in broken if check.metric == "max abs")


@pytest.mark.heavy
def test_a_check_that_cannot_see_a_fault_fails(exported: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    made = exported("tiny-bc")
    monkeypatch.setattr(step_block, "noise_fault", lambda: Fault("noise of another seed"))
    report = validate_bundle(made.bundle, made.checkpoint, steps=[2], threads=1)
    assert not report.passed
    assert report.failures == [f for f in report.failures if "'noise of another seed' was not caught" in f]


@pytest.mark.heavy
def test_another_checkpoint_and_a_changed_file_are_refused(exported: Get, tmp_path: Path) -> None:
    made, other = exported("tiny-bc"), exported("tiny-spectral")
    with pytest.raises(ExportError, match=r"SHA-256 .* was made from tiny-bc\.safetensors .* lmdm export"):
        validate_bundle(made.bundle, other.checkpoint)
    damaged = made.damaged(tmp_path, lambda w: w, "codec_decoder")
    (damaged / "graphs" / "weights.bin").write_bytes(b"\0" * (damaged / "graphs" / "weights.bin").stat().st_size)
    with pytest.raises(BundleError, match=r"weights\.bin has SHA-256"):
        validate_bundle(damaged)


@pytest.mark.heavy
def test_command_prints_json_pictures_and_an_exit_status(exported: Get, tmp_path: Path) -> None:
    made = exported("tiny-bc")
    command = [sys.executable, "-m", "lmdm_runtime.cli", "validate", "--steps", "1,4", "--threads", "1", "--json"]

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, cwd=ROOT, check=False)

    done = run(made.bundle, "--checkpoint", made.checkpoint, "--plots", tmp_path / "plots")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["passed"] is True
    assert {"graph-cached_decoder.png", "audio.png"} <= {path.name for path in (tmp_path / "plots").iterdir()}
    damaged = made.damaged(tmp_path, lambda w: 1.1 * w, "codec_decoder")
    assert run(damaged, "--checkpoint", made.checkpoint).returncode == 1
    (damaged / "manifest.json").write_text("{")
    broken = run(damaged)
    assert (broken.returncode, broken.stdout) == (1, "")
    assert broken.stderr.startswith("error: ")
    assert broken.stderr.count("\n") == 1


@pytest.mark.parametrize("steps", ["0", "1;2", "6", "one"])
def test_unknown_steps_are_wrong_usage(steps: str, tmp_path: Path) -> None:
    from click.testing import CliRunner

    from lmdm_export.validate.cli import validate

    done = CliRunner().invoke(validate, [str(tmp_path), "--steps", steps])
    assert done.exit_code == 2
    assert "1 graph, 2 block, 3 rollout, 4 audio, 5 runtimes" in " ".join(done.output.replace("│", " ").split())
