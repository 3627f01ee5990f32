"""Which file of a graph is played, and that a fused file is held against its hash like any other."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lmdm_export.validate.player import run_graph
from lmdm_runtime.backends import make_backend
from lmdm_runtime.backends.base import Backend
from lmdm_runtime.backends.onnxruntime import OrtBackend, OrtOptions
from lmdm_runtime.bundle import Bundle, load_bundle
from lmdm_runtime.errors import BundleError
from tests.runtime.tiny_bundle import FUSED_OFFSET, add_offset_as_fused, seal, write_tiny_bundle

FUSED = "graphs/cached_decoder.fused.onnx"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_tiny_bundle(tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    add_offset_as_fused(tmp_path, manifest)
    seal(tmp_path, manifest)
    return tmp_path


def velocity(bundle: Bundle, backend: Backend) -> np.ndarray:
    rng = np.random.default_rng(0)
    inputs = {port.name: rng.standard_normal(port.shape).astype(np.float32) for port in bundle.manifest.graphs["cached_decoder"].inputs}
    return run_graph(bundle, backend, "cached_decoder", inputs)["velocity"]


def test_the_processor_plays_the_fused_file_unless_told(folder: Path) -> None:
    bundle = load_bundle(folder)
    plain = velocity(bundle, OrtBackend(bundle, OrtOptions(fused=False)))
    for backend in (OrtBackend(bundle), make_backend("onnxruntime", bundle, 1)):
        np.testing.assert_allclose(velocity(bundle, backend), plain + FUSED_OFFSET, rtol=0, atol=1e-6)


def test_everything_else_is_given_the_plain_file(folder: Path) -> None:
    assert load_bundle(folder).graph_path("cached_decoder") == folder / "graphs" / "cached_decoder.onnx"


def test_a_bundle_without_one_plays_the_plain_file(folder: Path) -> None:
    bundle = load_bundle(folder)
    plain = velocity(bundle, OrtBackend(bundle, OrtOptions(fused=False)))
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["graphs"]["cached_decoder"]["fused"]
    (folder / FUSED).unlink()
    seal(folder, manifest)
    bundle = load_bundle(folder)
    assert bundle.manifest.graphs["cached_decoder"].fused is None
    np.testing.assert_array_equal(velocity(bundle, OrtBackend(bundle)), plain)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m: m["graphs"]["cached_decoder"]["fused"].update(sha256="0" * 64), "SHA-256"),
        (lambda m: m["graphs"]["cached_decoder"]["fused"].update(file="../x.onnx"), "outside"),
        (lambda m: m["graphs"]["cached_decoder"]["fused"].update(file="graphs/other.onnx"), "not in the manifest's list"),
        (lambda m: m["graphs"]["cached_decoder"]["fused"].pop("sha256"), "graphs.cached_decoder.fused"),
        (lambda m: m["graphs"]["cached_decoder"]["fused"].update(more=1), "graphs.cached_decoder.fused"),
    ],
)
def test_a_wrong_entry_is_refused(folder: Path, change, words: str) -> None:  # type: ignore[no-untyped-def]
    manifest = json.loads((folder / "manifest.json").read_text())
    change(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BundleError, match=words):
        load_bundle(folder)


def test_a_changed_fused_file_is_refused(folder: Path) -> None:
    (folder / FUSED).write_bytes((folder / FUSED).read_bytes()[:-1] + b"\0")
    with pytest.raises(BundleError, match=r"cached_decoder\.fused\.onnx"):
        load_bundle(folder)
