"""`lmdm validate --engine`: the whole gate over the TensorRT backend, whose engines here are run by ONNX Runtime behind a stand-in."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lmdm_export.validate import run as module
from lmdm_runtime.backends.cuda import Cuda
from lmdm_runtime.backends.tensorrt import TensorRtRtxBackend
from lmdm_runtime.bundle import load_bundle
from tests.runtime.fake_tensorrt import FakeTensorRt, build_fake_engines, compile_fake_cuda
from tests.validate.conftest import Exported


@pytest.mark.heavy
@pytest.mark.parametrize("name", ["tiny", "tiny-plain"])
def test_an_engine_passes_the_gate_and_every_fault_is_caught(
    name: str, exported: Callable[..., Exported], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """`tiny-plain` is block-causal with ping-pong, whose blocks run as one recording."""
    folder = shutil.copytree(exported(name).bundle, tmp_path / "bundle")
    build_fake_engines(load_bundle(folder), "tensorrt-rtx", "8.9", monkeypatch)
    library = compile_fake_cuda(tmp_path)
    package, asked = FakeTensorRt(library), []

    def make(engine: str, bundle: object, threads: int | None) -> TensorRtRtxBackend:
        asked.append(engine)
        return TensorRtRtxBackend(bundle, cuda=Cuda(library=str(library)), library=package)

    monkeypatch.setattr(module, "make_backend", make)
    report = module.validate_bundle(folder, steps=(1, 2, 3), blocks=8, engine="tensorrt-rtx")
    assert asked == ["tensorrt-rtx"]
    assert report.passed, report.to_json()
    assert len(report.controls) > 5
    assert package.launches >= 8
