"""Bundles from end to end: what is in them plays as torch does, and the same input gives the same bytes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import lmdm_export.bundle
from lmdm_export.bundle import Source, configured, export_bundle
from lmdm_export.errors import ExportError
from lmdm_export.settings import ExportSettings
from lmdm_export.shared_weights import external_names
from lmdm_runtime.bundle import load_bundle
from lmdm_train.config import Layout
from lmdm_train.model.instrument import Instrument
from tests.bundles import named_config, write_small_bundle
from tests.export.fixture_checks import graph_errors, rollout_errors
from tests.sharing import made_once
from tests.small_instruments import small_instrument

SOURCE = Source("x.safetensors", "0" * 64, "tests")
ROOT = Path(__file__).parents[2]
SMALL = ("tiny", "tiny-bc", "tiny-control", "tiny-spectral", "tiny-plain", "tiny-sketch", "tiny-accompaniment")
GRAPHS = {"tiny-plain": 5, "tiny-sketch": 7}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Bundles of small instruments by name, each written once."""

    def get(name: str) -> Path:
        return made_once(tmp_path_factory, f"written-{name}", lambda folder: write_small_bundle(folder / name, name)) / name

    return get


@pytest.mark.heavy
@pytest.mark.parametrize("name", SMALL)
def test_graphs_keep_the_tolerance_of_their_fixtures(written: Callable[[str], Path], name: str) -> None:
    errors = graph_errors(written(name))
    assert len({key.partition(".")[0] for key in errors}) == GRAPHS.get(name, 6)
    assert {key: pair for key, pair in errors.items() if pair[0] > pair[1]} == {}
    assert max(tolerance for key, (_, tolerance) in errors.items() if not key.startswith(("codec", "sketch.state"))) < 2e-4


@pytest.mark.heavy
@pytest.mark.parametrize("name", SMALL)
def test_session_plays_the_rollout_fixture(written: Callable[[str], Path], name: str) -> None:
    errors, tolerance = rollout_errors(written(name))
    assert len(errors) == 64
    assert errors.max() < tolerance < 1e-3


@pytest.mark.heavy
def test_rollout_of_another_seed_is_caught(written: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    import tests.export.fixture_checks as checks

    real = checks.Session
    monkeypatch.setattr(checks, "Session", lambda bundle, seed: real(bundle, seed=seed + 1))
    errors, tolerance = rollout_errors(written("tiny"), 2)
    assert errors.min() > 1000 * tolerance


@pytest.mark.heavy
@pytest.mark.parametrize("name", ["tiny", "tiny-bc"])
def test_decoder_holds_every_matrix_of_the_context_encoder(written: Callable[[str], Path], name: str) -> None:
    graphs = written(name) / "graphs"
    own = external_names(graphs / "context_encoder.onnx") - external_names(graphs / "cached_decoder.onnx")
    additive, positions = "_9x128", "x32"
    assert all(tensor.endswith((additive, positions)) for tensor in own), own
    assert sum(tensor.endswith(additive) for tensor in own) == 1


@pytest.mark.heavy
def test_second_process_writes_the_same_bytes(written: Callable[[str], Path], tmp_path: Path) -> None:
    first = written("tiny")
    subprocess.run([sys.executable, "-m", "tests.bundles", str(tmp_path), "tiny"], cwd=ROOT, check=True, capture_output=True)
    files = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
    assert len(files) > 15
    assert [str(file) for file in files if (first / file).read_bytes() != (tmp_path / "tiny" / file).read_bytes()] == []


@pytest.mark.heavy
def test_manifest_says_what_the_checkpoint_is(written: Callable[[str], Path]) -> None:
    bundle, config = load_bundle(written("tiny-bc")), named_config("tiny-bc")
    manifest = bundle.manifest
    assert (manifest.model.context, manifest.model.block, manifest.model.window_chunks) == (16, 4, 4)
    assert manifest.sampling.seconds_total == config.seconds_total
    assert manifest.sampling.schedule[0] == 1.0
    assert manifest.sampling.schedule[-1] == 0.0
    assert manifest.checkpoint["name"] == "tiny-bc.safetensors"
    assert "onnx" in manifest.created_with
    listed = {entry.path for entry in manifest.files}
    assert listed == {p.relative_to(bundle.folder).as_posix() for p in bundle.folder.rglob("*") if p.is_file()} - {"manifest.json"}


@pytest.mark.heavy
def test_default_shapes_export(tmp_path: Path) -> None:
    made = write_small_bundle(tmp_path / "default", "default", rollout_blocks=8)
    assert made.sharing > 1.3
    errors, tolerance = rollout_errors(tmp_path / "default")
    assert errors.max() < tolerance


def refuse(instrument: Instrument, target: Path, said: str, settings: ExportSettings | None = None) -> None:
    with pytest.raises(ExportError, match=said) as failure:
        export_bundle(instrument, target, SOURCE, settings)
    assert "\n" not in str(failure.value)
    assert not target.exists()
    assert list(target.parent.iterdir()) == []


def test_nan_weight_is_refused(tmp_path: Path) -> None:
    instrument = small_instrument("tiny")
    instrument.dit.transformer.project_in.weight[0, 0] = float("nan")
    refuse(instrument, tmp_path / "out", "NaN or infinite values in dit.transformer.project_in.weight")


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("tiny-bc", ExportSettings(layout=Layout(context=17, block=4)), "context that is a multiple of the block, found layout 17/4"),
        ("tiny", ExportSettings(context_drop=99), "context_drop 99 exceeds the context of 12"),
        ("tiny", ExportSettings(solver="heun", guidance="cfg++"), "solver heun has no cfg"),
        ("tiny", ExportSettings(fade=5), "crossfade of 5 frames does not fit"),
        ("tiny-spectral", ExportSettings(fade=2), "causal and has no look-ahead"),
    ],
)
def test_settings_that_do_not_fit_are_refused(tmp_path: Path, name: str, settings: ExportSettings, said: str) -> None:
    refuse(small_instrument(named_config(name)), tmp_path / "out", said, settings)


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_failure_in_the_middle_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException) -> None:
    def fail(*_: object) -> None:
        raise failure

    monkeypatch.setattr(lmdm_export.bundle, "to_onnx", fail)
    with pytest.raises((KeyboardInterrupt, ExportError)):
        export_bundle(small_instrument("tiny"), tmp_path / "out", SOURCE)
    assert list(tmp_path.iterdir()) == []


def test_settings_change_a_copy(tmp_path: Path) -> None:
    instrument = small_instrument("tiny")
    changed = configured(instrument, ExportSettings(steps=2, layout=Layout(context=24, block=8)))
    assert (changed.config.sampling.steps, str(changed.config.layout)) == (2, "24/8")
    assert str(instrument.config.layout) == "12/4"
    assert changed.dit is instrument.dit


def test_large_networks_store_a_shorter_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    from lmdm_export import fixtures

    instrument = small_instrument("tiny")
    assert fixtures.usual_blocks(instrument) == 64
    monkeypatch.setattr(fixtures, "LARGE_PARAMETERS", 1000)
    assert fixtures.usual_blocks(instrument) == 16


def test_noise_of_fixtures_is_the_runtimes(tmp_path: Path) -> None:
    from lmdm_export.fixtures import write_fixtures
    from lmdm_export.graphs import build_graphs
    from lmdm_runtime.noise import Noise

    instrument = small_instrument("tiny")
    entries = write_fixtures(tmp_path, instrument, build_graphs(instrument), 8)
    block = np.load(tmp_path / entries["block"]["file"])
    assert np.array_equal(block["noise"][0], Noise(int(block["seed"])).block(0, 0, (1, 8, 4)))
    frames = np.load(tmp_path / entries["audio"]["file"])["frames"]
    assert np.array_equal(frames[..., :4], block["block"])
    assert all(0 < entry["tolerance"]["max_abs"] < 1e-2 for entry in entries.values())
    assert torch.isfinite(torch.from_numpy(frames)).all()
