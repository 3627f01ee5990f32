"""`lmdm precision`, `lmdm export --precision` and `lmdm validate` on a variant: files, sentences and exit statuses."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from lmdm_export.manifest_document import file_sha256
from lmdm_export.precision.ladder import Search
from lmdm_runtime.bundle import Bundle, load_bundle
from lmdm_runtime.cli import main
from lmdm_train.checkpoint import save_instrument
from tests.precision.conftest import BUDGET
from tests.small_instruments import small_instrument

Sealed = Callable[[str], Path]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def refused(result: Result, said: str, status: int = 1) -> None:
    assert result.exit_code == status, result.output
    line = result.stderr.strip().splitlines()[-1]
    assert line.startswith("error: ")
    assert said in line
    assert "Traceback" not in result.output


def test_write_makes_a_variant_that_plays(tiny: Bundle, tmp_path: Path) -> None:
    out = tmp_path / "int8"
    done = run("precision", tiny.folder, "--write", "int8", "-o", out, "--threads", 1, "--json")
    assert done.exit_code == 0, done.output
    (rung,) = json.loads(done.stdout)["ladder"]
    precision = load_bundle(out).manifest.precision
    assert precision is not None
    assert rung["within"]
    assert precision.parity == rung["parity"]["share"]
    assert "int8" in run("inspect", out).stdout
    song = run("generate", out, "--prompt", "fast", "--seconds", 0.2, "-o", tmp_path / "song.wav", "--threads", 1)
    assert song.exit_code == 0, song.output
    refused(run("precision", tiny.folder, "--write", "int8", "-o", out), "is a bundle already")
    refused(run("precision", out), "variants are made from the float32 bundle")


def test_what_is_outside_the_budget_is_not_written(tiny: Bundle, tmp_path: Path) -> None:
    done = run("precision", tiny.folder, "--write", "int4", "-o", tmp_path / "int4", "--threads", 1, "--blocks", 8)
    refused(done, "of another seed's distance away from float32, the budget is 0.1; choose another precision, or keep")
    assert list(tmp_path.iterdir()) == []


def test_a_variant_of_a_short_rollout_is_validated_on_what_it_holds(tiny: Bundle, tmp_path: Path) -> None:
    out = tmp_path / "int8"
    assert run("precision", tiny.folder, "--write", "int8", "-o", out, "--threads", 1, "--blocks", 8).exit_code == 0
    done = run("validate", out, "--steps", 3, "--threads", 1, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["checks"][0]["what"].startswith("8 blocks")
    refused(run("validate", out, "--steps", 3, "--blocks", 9), "the fixture precision holds 8 blocks, 9 were asked for")


def test_nothing_is_written_under_a_budget_that_lets_a_fault_pass(tiny: Bundle, tmp_path: Path) -> None:
    done = run("precision", tiny.folder, "--write", "int8", "-o", tmp_path / "int8", "--threads", 1, "--blocks", 8, "--budget", 1.5)
    refused(done, "a budget of 1.5 lets the fault 'noise of another seed' pass; give a smaller --budget")
    assert list(tmp_path.iterdir()) == []


def test_auto_chooses_among_the_kinds_that_were_asked_for(tiny: Bundle, tmp_path: Path) -> None:
    options = ("--blocks", 8, "--rounds", 3, "--threads", 1, "--kinds", "int4", "--json")
    done = run("precision", tiny.folder, "--write", "auto", "-o", tmp_path / "fast", *options)
    assert done.exit_code == 0, done.output
    ladder = json.loads(done.stdout)
    assert [rung["kind"] for rung in ladder["ladder"]] == ["float32", "int4"]
    # int4 is outside the budget, and its name alone is no reason to write it.
    assert ladder["chosen"] == "float32"
    assert load_bundle(tmp_path / "fast").manifest.precision is None


def test_wrong_usage_exits_2(tiny: Bundle, tmp_path: Path) -> None:
    refused(run("precision", tiny.folder, "--write", "int8"), "--write and -o go together", 2)
    refused(run("precision", tiny.folder, "--kinds", "int3"), "there is no precision 'int3'", 2)
    refused(run("export", tmp_path / "x", "-o", tmp_path / "y", "--budget", "0.1"), "go with a --precision other than float32", 2)
    refused(run("export", tmp_path / "x", "-o", tmp_path / "y", "--threads", 1), "go with a --precision other than float32", 2)
    refused(run("bisect", tiny.folder, "int3"), "int3 is neither a folder nor a precision; give a variant's folder, or one of float16")
    refused(run("precision", tiny.folder, "--blocks", 99), "the fixture holds 16 blocks, 99 were asked for; choose fewer with --blocks")


def test_an_interrupt_keeps_what_was_measured(tiny: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    healthy = Search.measure

    def measure(self: Search, variant, *, time: bool = False):  # type: ignore[no-untyped-def]
        if variant.kind.name == "bfloat16":
            raise KeyboardInterrupt
        return healthy(self, variant, time=time)

    monkeypatch.setattr(Search, "measure", measure)
    options = ("--blocks", 8, "--rounds", 3, "--threads", 1)
    done = run("precision", tiny.folder, *options, "--json")
    assert done.exit_code == 130, done.output
    ladder = json.loads(done.stdout)
    assert ladder["interrupted"]
    assert [rung["kind"] for rung in ladder["ladder"]] == ["float32", "float16"]
    shown = run("precision", tiny.folder, *options, "--write", "auto", "-o", tmp_path / "fast")
    assert shown.exit_code == 130
    assert "interrupted with 6 precisions left" in " ".join(shown.stdout.split())
    assert list(tmp_path.iterdir()) == []


def test_a_variant_is_validated_by_its_own_budget(sealed: Sealed, tmp_path: Path) -> None:
    folder = sealed("int8")
    done = run("validate", folder, "--threads", 1, "--json")
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    checks = {check["what"]: check for check in report["checks"] if check["step"] == 3}
    assert [check["bound"]["value"] for check in checks.values()][:2] == [BUDGET, BUDGET]
    assert {check["step"] for check in report["checks"]} >= {1, 3, 4}
    assert {control["fault"] for control in report["controls"] if control["step"] == 3} == {
        "noise of another seed",
        "stale cross K/V after a prompt change",
        "swapped K and V",
    }
    assert any("bounds of float32 do not hold for int8" in entry["reason"] for entry in report["not_run"])
    refused(run("validate", folder, "--checkpoint", tmp_path / "x"), "run lmdm validate on it without --checkpoint")


def test_a_variant_that_is_worse_than_it_states_fails(sealed: Sealed, tmp_path: Path) -> None:
    folder = shutil.copytree(sealed("int8"), tmp_path / "damaged")
    weights = folder / "graphs" / "weights.bin"
    import onnx

    decoder = onnx.load(folder / "graphs" / "cached_decoder.onnx", load_external_data=False)
    whole = next(t for t in decoder.graph.initializer if t.data_type == onnx.TensorProto.INT8 and t.data_location)
    place = {entry.key: entry.value for entry in whole.external_data}
    start, length = int(place["offset"]), int(place["length"])
    content = bytearray(weights.read_bytes())
    values = np.frombuffer(content, np.int8, length, start)
    content[start : start + length] = (-values).tobytes()
    weights.write_bytes(content)
    document = json.loads((folder / "manifest.json").read_text())
    for entry in document["files"]:
        if entry["path"] == "graphs/weights.bin":
            entry["sha256"] = file_sha256(weights)
    (folder / "manifest.json").write_text(json.dumps(document))
    done = run("validate", folder, "--steps", 3, "--threads", 1, "--json")
    assert done.exit_code == 1
    report = json.loads(done.stdout)
    assert not report["passed"]
    assert "the budget that the variant states" in report["failures"][0]


@pytest.mark.heavy
def test_bfloat16_is_validated_although_nothing_here_runs_it(sealed: Sealed) -> None:
    done = run("validate", sealed("bfloat16"), "--threads", 1, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["facts"]["precision"]["emulated"]


@pytest.mark.heavy
@pytest.mark.parametrize("precision", ["int8", "auto"])
def test_export_writes_a_precision_in_one_go(tmp_path: Path, precision: str) -> None:
    checkpoint = save_instrument(tmp_path / "tiny.safetensors", small_instrument("tiny"))
    out = tmp_path / "out"
    command = ("export", checkpoint, "-o", out, "--precision", precision, "--rollout-blocks", 16, "--threads", 1, "--json")
    done = run(*command)
    assert done.exit_code == 0, done.output
    made = json.loads(done.stdout)
    assert made["path"] == str(out)
    loaded = load_bundle(out)
    kind = "float32" if loaded.manifest.precision is None else loaded.manifest.precision.kind
    assert kind == (made["precision"]["chosen"] if precision == "auto" else "int8")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "tiny.json", "tiny.safetensors", "tiny.tokenizer.model"]
    assert all(not path.name.startswith(".") for path in out.iterdir())
    assert run("validate", out, "--steps", 3, "--threads", 1).exit_code == 0
