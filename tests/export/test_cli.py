"""`lmdm export` and `lmdm import`: bad input is one sentence, plans are dry, results are JSON when asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result

from lmdm_export.bundle import ExportResult
from lmdm_runtime.cli import main
from lmdm_train.checkpoint import load_instrument, save_instrument
from lmdm_train.checkpoint.own import checkpoint_files
from lmdm_train.presets import preset
from tests.bundles import named_config
from tests.foreign_checkpoints import foreign_config, foreign_instrument, unwrapped
from tests.small_instruments import small_instrument


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def refused(result: Result, said: str, status: int = 1) -> None:
    assert result.exit_code == status, result.output
    lines = result.stderr.strip().splitlines()
    assert lines[-1].startswith("error: ")
    assert said in lines[-1]
    assert "Traceback" not in result.output


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoints of the tiny instruments."""
    folder = tmp_path_factory.mktemp("checkpoints")
    for name in ("tiny", "tiny-bc", "tiny-spectral"):
        save_instrument(folder / name, small_instrument(named_config(name)))
    return folder


def test_dry_run_says_what_would_be_written_and_writes_nothing(folder: Path, tmp_path: Path) -> None:
    result = run("export", folder / "tiny.safetensors", "-o", tmp_path / "out", "--dry-run", "--json", "--layout", "24/8", "--steps", 2)
    assert result.exit_code == 0, result.output
    plan = json.loads(result.stdout)
    assert (plan["layout"], plan["sampling"]["steps"]) == ("24/8", 2)
    assert plan["graphs"]["context_encoder"]["context"] == [1, 8, 24]
    assert plan["codec"]["decoder"]["delay"] == plan["codec"]["decoder"]["right"] > 0
    assert list(tmp_path.iterdir()) == []


def test_dry_run_tells_the_precision(folder: Path, tmp_path: Path) -> None:
    options = ("--dry-run", "--json", "--precision", "int8", "--keep", "project_in")
    plan = json.loads(run("export", folder / "tiny.safetensors", "-o", tmp_path / "out", *options).stdout)
    assert plan["precision"] == {"kind": "int8", "budget": 0.1, "keep": ["project_in"]}
    assert not (tmp_path / "out").exists()


def test_dry_run_as_a_table(folder: Path, tmp_path: Path) -> None:
    result = run("export", folder / "tiny-bc", "-o", tmp_path / "out", "--dry-run", "--lookahead", "crossfade")
    assert result.exit_code == 0, result.output
    assert "'delay': 2" in result.stdout
    assert "past_frames" in result.stdout


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("absent", [], "absent.json"),
        ("tiny-bc", ["--layout", "17/4"], "multiple of the block, found layout 17/4"),
        ("tiny", ["--layout", "wide"], "a layout is context/block"),
        ("tiny", ["--lookahead", "never"], "--lookahead is pay, crossfade"),
        ("tiny", ["--lookahead", "crossfade:40"], "crossfade of 40 frames does not fit"),
        ("tiny-spectral", ["--lookahead", "crossfade"], "causal and has no look-ahead"),
        ("tiny", ["--solver", "rk4", "--guidance", "cfg++"], "solver rk4 has no cfg++ form"),
        ("tiny", ["--context-drop", "13"], "context_drop 13 exceeds"),
    ],
)
def test_bad_choices_are_one_sentence(folder: Path, tmp_path: Path, name: str, options: list[str], said: str) -> None:
    refused(run("export", folder / f"{name}.safetensors", "-o", tmp_path / "out", "--dry-run", *options), said)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("layout", "notes"), [("12/4", 0), ("14/2", 1)])
def test_another_layout_than_the_trained_one_is_noted(folder: Path, tmp_path: Path, layout: str, notes: int) -> None:
    plan = run("export", folder / "tiny.safetensors", "-o", tmp_path / "out", "--dry-run", "--json", "--layout", layout)
    assert plan.exit_code == 0, plan.output
    said = [value for key, value in json.loads(plan.stdout).items() if key.startswith("note")]
    assert len(said) == notes
    assert all("exported at layout 14/2, trained at 12/4" in note for note in said)


def test_wrong_usage_exits_2(folder: Path, tmp_path: Path) -> None:
    refused(run("export", folder / "tiny", "-o", tmp_path / "out", "--steps", "0"), "--steps", 2)
    refused(run("export", folder / "tiny"), "-o", 2)


def test_truncated_and_nan_checkpoints_are_one_sentence(folder: Path, tmp_path: Path) -> None:
    weights, config, tokenizer = checkpoint_files(folder / "tiny")
    for name in ("short", "nan"):
        for source, to in zip((config, tokenizer), checkpoint_files(tmp_path / name)[1:], strict=True):
            to.write_bytes(source.read_bytes())
    (tmp_path / "short.safetensors").write_bytes(weights.read_bytes()[:5000])
    refused(run("export", tmp_path / "short", "-o", tmp_path / "out"), "not a whole safetensors file")
    from safetensors.torch import load_file, save_file

    tensors = load_file(weights)
    tensors["dit.transformer.project_in.weight"][0, 0] = float("nan")
    save_file(tensors, tmp_path / "nan.safetensors")
    refused(run("export", tmp_path / "nan", "-o", tmp_path / "out"), "NaN or infinite values in dit.transformer.project_in.weight")
    assert not (tmp_path / "out").exists()


def test_existing_folders_are_refused_before_anything_is_read(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "song.wav").touch()
    refused(run("export", folder / "absent", "-o", tmp_path, "--force"), "is not a bundle")
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (bundle / "manifest.json").write_text('{"format_version": 1}')
    refused(run("export", folder / "absent", "-o", bundle), "is a bundle already; replace it with --force")


def test_result_is_json_on_stdout_and_stages_on_stderr(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = {}

    def fake(instrument, target, source, settings, *, force, on_stage):  # type: ignore[no-untyped-def]
        seen.update(source=source, settings=settings, name=instrument.config.name)
        on_stage("fixtures")
        return ExportResult(target, instrument.config.name, bytes=5, weights_bytes=2, weights_used_bytes=3)

    monkeypatch.setattr("lmdm_export.bundle.export_bundle", fake)
    result = run("export", folder / "tiny.safetensors", "-o", tmp_path / "out", "--json", "--guidance", "none", "--no-simplify")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["sharing"] == 1.5
    assert "tiny: fixtures" in result.stderr
    assert (seen["settings"].guidance, seen["settings"].simplify, seen["settings"].fade) == ("none", False, None)
    assert seen["source"].name == "tiny.safetensors"
    table = run("export", folder / "tiny.safetensors", "-o", tmp_path / "out")
    assert "1.50 ×" in table.stdout


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small file with the names of a published one, and a preset for it."""
    monkeypatch.setitem(preset.__globals__["PRESETS"], "foreign", foreign_config())
    path = tmp_path / "published.ckpt"
    torch.save({"state_dict": unwrapped(foreign_instrument())}, path)
    return path


def test_import_writes_a_checkpoint_and_reports_every_key(published: Path, tmp_path: Path) -> None:
    result = run("import", published, "--preset", "foreign", "-o", tmp_path / "mine.safetensors", "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    made = load_instrument(tmp_path / "mine")
    assert len(report["used"]) == len(made.state_dict())
    assert torch.equal(made.dit.transformer.project_in.weight, foreign_instrument().dit.transformer.project_in.weight)


def test_import_prints_its_report_and_takes_a_layout(published: Path, tmp_path: Path) -> None:
    result = run("import", published, "--preset", "foreign", "--layout", "20/5", "-o", tmp_path / "mine.safetensors", "--half")
    assert result.exit_code == 0, result.output
    assert "tensors used" in result.stdout
    assert str(load_instrument(tmp_path / "mine").config.layout) == "20/5"
    refused(run("import", published, "--preset", "foreign", "-o", tmp_path / "mine.safetensors"), "exists already")


def test_import_refuses_in_one_sentence(published: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine.safetensors"
    refused(run("import", tmp_path / "absent.ckpt", "--preset", "foreign", "-o", out), "there is no checkpoint file")
    refused(run("import", published, "--preset", "unknown", "-o", out), "there is no preset")
    refused(run("import", published, "-o", out), "holds no model_config")
    refused(run("import", published, "--layout", "20/5", "-o", out), "--layout goes with --preset", 2)
    assert not out.exists()
